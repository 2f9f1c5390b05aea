import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterEach, expect, test } from 'vitest'

import {
  startFixtureServer,
  type FixtureServer,
  type FixtureServerOptions,
} from '../src/servers/fixture-server.ts'

const open: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

const start = async (options?: FixtureServerOptions): Promise<FixtureServer> => {
  const server = await startFixtureServer(options)
  open.push(() => server.stop())
  return server
}

const connect = async (server: FixtureServer): Promise<Client> => {
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(new StreamableHTTPClientTransport(new URL(server.url)))
  open.push(() => client.close())
  return client
}

test.each([
  ['with sessions', {}],
  ['without sessions', { stateless: true }],
  ['with plain JSON answers', { jsonResponses: true }],
] as const)('a server %s serves tools, resources and prompts', async (_name, options) => {
  const server = await start(options)
  const client = await connect(server)

  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toEqual(['echo', 'count', 'hold', 'fail'])
  expect(await client.callTool({ name: 'echo', arguments: { message: 'hi' } })).toMatchObject({
    content: [{ type: 'text', text: 'hi' }],
  })
  expect(await client.callTool({ name: 'fail', arguments: { reason: 'no' } })).toMatchObject({
    isError: true,
    content: [{ type: 'text', text: 'no' }],
  })
  expect(await client.readResource({ uri: 'fixture://greeting' })).toMatchObject({
    contents: [{ text: 'hello from fixture' }],
  })
  expect(await client.getPrompt({ name: 'introduce', arguments: { who: 'Ada' } })).toMatchObject({
    messages: [{ content: { text: 'Introduce Ada.' } }],
  })
  expect(server.executions.map(({ tool }) => tool)).toEqual(['echo', 'fail'])
})

test('progress of a held call arrives before the call is released', async () => {
  const server = await start()
  const client = await connect(server)
  const events: string[] = []

  const call = client
    .callTool({ name: 'hold' }, undefined, {
      onprogress: ({ progress }) => {
        events.push(`progress ${progress}`)
        server.release()
      },
    })
    .then(() => events.push('result'))
  await call

  expect(events).toEqual(['progress 1', 'result'])
})

test('a call that counts reports each step in order', async () => {
  const server = await start()
  const client = await connect(server)
  const steps: number[] = []
  await client.callTool({ name: 'count', arguments: { steps: 3, stepMs: 1 } }, undefined, {
    onprogress: ({ progress }) => void steps.push(progress),
  })
  expect(steps).toEqual([1, 2, 3])
})

test.each([404, 400] as const)('a forgotten session is answered with %i if so wished', async (status) => {
  const server = await start({ unknownSessionStatus: status })
  await connect(server)
  const [sessionId] = server.sessionIds
  expect(server.sessionsOpened).toBe(1)
  await server.forgetSessions()
  expect(server.sessionIds).toEqual([])

  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': sessionId ?? '',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  })
  expect(response.status).toBe(status)
})

test('a stopped server refuses connections, and can be started again on its port', async () => {
  const server = await start()
  await server.stop()
  await expect(fetch(server.url)).rejects.toThrow('fetch failed')
  const again = await start({ port: server.port })
  expect(await (await connect(again)).ping()).toEqual({})
})
