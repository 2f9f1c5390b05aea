import { startChangingServer, startFixtureServer, stdioServer, waitUntil } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { InProcessGateway } from './support/in-process-gateway.ts'
import { INITIALIZE, MCP_HEADERS } from './support/initialize.ts'

const VERSION = '2026-07-28'
const TOOLS = [{ name: 'plain', inputSchema: { type: 'object' } }]

/** What a client of the newer era sends. */
const send = (
  gateway: InProcessGateway,
  path: string,
  method: string,
  params: Readonly<Record<string, unknown>>,
): Promise<Response> => {
  const { name } = params
  const meta = {
    'io.modelcontextprotocol/protocolVersion': VERSION,
    'io.modelcontextprotocol/clientCapabilities': {},
    progressToken: 7,
  }
  return fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: {
      ...MCP_HEADERS,
      'content-type': 'application/json',
      'mcp-protocol-version': VERSION,
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 7, method, params: { ...params, _meta: meta } }),
  })
}

/** The last message of an answer, which is JSON or a stream. */
const lastOf = async (response: Promise<Response>): Promise<unknown> => {
  const text = await (await response).text()
  const data = text.split('\n').findLast((line) => line.startsWith('data:'))
  return JSON.parse(data === undefined ? text : data.slice('data:'.length))
}

describe('the end of a gateway', () => {
  test('F45 lets calls of every kind finish, gives every subscription its result, and closes the streams of the older era', async () => {
    await using held = await startFixtureServer()
    await using changing = await startChangingServer({ era: 'modern', tools: TOOLS })
    const gateway = await InProcessGateway.start()
    try {
      const servers = {
        held: { transport: 'streamable-http', url: held.url },
        changing: { transport: 'streamable-http', url: changing.url },
        process: { transport: 'stdio', ...stdioServer({ era: 'modern' }) },
      }
      for (const [slug, endpoint] of Object.entries(servers)) {
        const body = { slug, endpoints: [endpoint] }
        expect((await gateway.request('POST', '/api/v1/servers', { body })).status).toBe(201)
      }
      const call = (slug: string, name: string, input: object): Promise<unknown> =>
        lastOf(send(gateway, `/mcp/${slug}`, 'tools/call', { name, arguments: input }))
      expect(await call('process', 'echo', { message: 'runs' })).toMatchObject({ result: {} })

      const listening = ['/mcp', '/mcp/changing', '/mcp/held'].map(async (path) => {
        const response = await send(gateway, path, 'subscriptions/listen', {
          notifications: { toolsListChanged: true },
        })
        expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/u)
        return { over: lastOf(Promise.resolve(response)) }
      })
      const streams = await Promise.all(listening)
      const calls = [
        call('held', 'hold', {}),
        call('held', 'count', { steps: 10, stepMs: 100 }),
        call('process', 'wait', { ms: 1000, message: 'waited' }),
      ]
      await waitUntil('the calls to be under way', () => held.executions.length === 2)

      const session = { body: INITIALIZE, headers: MCP_HEADERS, key: undefined }
      const opened = await gateway.request('POST', '/mcp/held', session)
      const older = await fetch(`${gateway.url}/mcp/held`, {
        headers: { ...MCP_HEADERS, 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' },
      })
      expect(older.status).toBe(200)

      const ending = gateway[Symbol.asyncDispose]()
      const subscribed = { id: 7, result: { resultType: 'complete' } }
      for (const { over } of streams) expect(await over).toMatchObject(subscribed)
      // To its end, and not cut off in the middle.
      expect(await older.text()).not.toContain('error')
      held.release()
      for (const answer of calls) expect(await answer).toMatchObject({ id: 7, result: { content: [{}] } })
      await ending
    } finally {
      await gateway[Symbol.asyncDispose]()
    }
  })
})
