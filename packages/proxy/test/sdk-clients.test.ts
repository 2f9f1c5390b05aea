import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { startFixtureServer, startModernServer } from '@mreg/testing'
import { expect, test } from 'vitest'

import { openProxy, registered } from './support/open-proxy.ts'
import { serveProxy } from './support/serve-proxy.ts'

test('a client on the SDK 1 uses everything that a server has, and hears what it says unasked', async () => {
  await using server = await startFixtureServer()
  await using open = openProxy()
  await using http = await serveProxy(open.proxy)
  open.register(registered(server.url))
  const client = new Client({ name: 'test', version: '1.0.0' })
  let announcements = 0
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
    announcements += 1
  })
  const transport = new StreamableHTTPClientTransport(http.urlOf('fixture'))
  await client.connect(transport)
  expect(client.getServerVersion()).toMatchObject({ name: 'fixture' })

  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['echo', 'count', 'hold', 'fail'])
  expect(await client.callTool({ name: 'echo', arguments: { message: 'hi' } })).toMatchObject({
    content: [{ text: 'hi' }],
  })
  expect(await client.callTool({ name: 'fail', arguments: { reason: 'no' } })).toMatchObject({
    isError: true,
  })
  expect(await client.readResource({ uri: 'fixture://greeting' })).toMatchObject({
    contents: [{ text: 'hello from fixture' }],
  })
  expect(await client.getPrompt({ name: 'introduce', arguments: { who: 'Ada' } })).toMatchObject({
    messages: [{ content: { text: 'Introduce Ada.' } }],
  })
  expect(await client.ping()).toEqual({})

  const steps: string[] = []
  await client.callTool({ name: 'hold' }, undefined, {
    onprogress: ({ progress }) => {
      steps.push(`progress ${progress}`)
      server.release()
    },
  })
  expect(steps).toEqual(['progress 1'])

  await expect
    .poll(async () => {
      await server.announce()
      return announcements
    })
    .toBeGreaterThan(0)

  await server.forgetSessions()
  expect(await client.callTool({ name: 'echo', arguments: { message: 'after' } })).toMatchObject({
    content: [{ text: 'after' }],
  })
  await transport.terminateSession()
  await client.close()
  expect(server.sessionIds).toEqual([])
})

test.each(['legacy', 'auto'] as const)('a client on the SDK 2 (%s) uses an older server', async (mode) => {
  await using server = await startFixtureServer()
  await using open = openProxy()
  await using http = await serveProxy(open.proxy)
  open.register(registered(server.url))
  const client = new ModernClient({ name: 'test', version: '1.0.0' }, { versionNegotiation: { mode } })
  await client.connect(new ModernTransport(http.urlOf('fixture')))
  expect((await client.listTools()).tools).toHaveLength(4)
  expect(await client.callTool({ name: 'echo', arguments: { message: 'hi' } })).toMatchObject({
    content: [{ text: 'hi' }],
  })
  await client.close()
})

test('a client on the SDK 2 uses a modern server', async () => {
  await using server = await startModernServer()
  await using open = openProxy()
  await using http = await serveProxy(open.proxy)
  open.register(registered(server.url))
  const client = new ModernClient(
    { name: 'test', version: '1.0.0' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(new ModernTransport(http.urlOf('fixture')))
  expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['echo', 'fail', 'hold'])
  expect(await client.callTool({ name: 'echo', arguments: { message: 'hi' } })).toMatchObject({
    content: [{ text: 'hi' }],
  })
  expect(server.requestHeaders.every((headers) => headers['mcp-protocol-version'] === '2026-07-28')).toBe(
    true,
  )
  await client.close()
})
