import { expect, test } from 'vitest'

import { waitUntil } from '../src/processes/wait-until.ts'
import { startModernServer } from '../src/servers/modern-server.ts'

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

const post = (
  url: string,
  method: string,
  { params = {}, headers = {}, signal }: { params?: object; headers?: object; signal?: AbortSignal } = {},
): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: META } }),
    ...(signal === undefined ? {} : { signal }),
  })

test('a modern server answers discovery and calls, and refuses the older era', async () => {
  await using server = await startModernServer()
  const discovered = await post(server.url, 'server/discover')
  expect(await discovered.json()).toMatchObject({ id: 1, result: { supportedVersions: ['2026-07-28'] } })

  const params = { name: 'echo', arguments: { message: 'hi' } }
  const called = await post(server.url, 'tools/call', { params, headers: { 'mcp-name': 'echo' } })
  expect(await called.text()).toContain('"hi"')
  expect(server.executions).toHaveLength(1)

  const initialize = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }),
  })
  expect(initialize.status).toBe(400)
})

test('a client that goes away cancels its call', async () => {
  await using server = await startModernServer()
  const gone = new AbortController()
  const call = post(server.url, 'tools/call', {
    params: { name: 'hold', arguments: {} },
    headers: { 'mcp-name': 'hold' },
    signal: gone.signal,
  })
  await waitUntil('the call to arrive', () => server.executions.length === 1)
  gone.abort()
  await Promise.allSettled([call])
  await waitUntil('the cancellation', () => server.cancellations.length === 1)
  expect(server.cancellations).toEqual(['hold'])
})
