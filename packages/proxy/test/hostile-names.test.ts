import { encodeHeaderValue } from '@mreg/mcp-wire'
import { answerJson, type HttpUpstreamHandler, startHttpUpstream } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { callOf, initialize, requestOf } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

const HOSTILE = [
  '../../api/v1/servers',
  '..%2f..%2fadmin',
  'http://169.254.169.254/latest/meta-data',
  'echo?key=1&admin=true#fragment',
  'echo\r\nX-Injected: yes\r\n\r\nGET /admin HTTP/1.1',
  'echo\u0000',
  'ſervice "näme"',
]

const RESULTS: Readonly<Record<string, object>> = {
  initialize: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 'x', version: '1' } },
  'resources/read': { contents: [], resultType: 'complete', ttlMs: 0, cacheScope: 'private' },
}

const answer: HttpUpstreamHandler = ({ rpcId: id, rpcMethod = '' }, response) => {
  const result = RESULTS[rpcMethod] ?? { content: [], resultType: 'complete' }
  if (id === undefined) response.writeHead(202).end()
  else answerJson(response, { jsonrpc: '2.0', id, result })
}

describe('a name or URI that a client made up changes nothing but the body (S30, S31)', () => {
  test.each([
    ['older', 'older', { legacy: true, modern: false }],
    ['older', 'newer', { legacy: false, modern: true }],
    ['newer', 'older', { legacy: true, modern: false }],
    ['newer', 'newer', { legacy: false, modern: true }],
  ] as const)('from a client of the %s era to a server of the %s', async (client, _server, era) => {
    await using upstream = await startHttpUpstream(answer)
    await using open = openProxy({ era })
    open.register(registered(upstream.url))
    const older = client === 'older' ? await initialize(open.proxy) : undefined
    for (const hostile of HOSTILE) {
      const headers = { 'mcp-name': encodeHeaderValue(hostile) }
      for (const [method, params] of [
        ['tools/call', { name: hostile, arguments: { path: hostile } }],
        ['resources/read', { uri: hostile }],
      ] as const) {
        const message = 'name' in params ? callOf(hostile, params.arguments) : requestOf(method, params)
        const { last } = await (older?.ask(message) ?? sendModern(open, method, params, { headers }))
        expect(last).toMatchObject({ id: 1, result: {} })
        const received = upstream.requests.findLast(({ rpcMethod }) => rpcMethod === method)
        expect(JSON.parse(received?.body ?? '')).toMatchObject({ params })
      }
    }
    for (const { headers, method, target } of upstream.requests) {
      expect({ method, target }).toEqual({ method: 'POST', target: '/mcp' })
      expect(Object.keys(headers)).not.toContain('x-injected')
    }
  })
})
