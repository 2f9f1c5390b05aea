import {
  answerJson,
  eventOf,
  type HttpUpstreamHandler,
  startDualEraServer,
  startHttpUpstream,
} from '@mreg/testing'
import { expect, test } from 'vitest'

import { callOf, errorOf, initialize } from './support/exchanges.ts'
import { openProxy, registered } from './support/open-proxy.ts'

/** A server that closes the stream of each call after a first event, and is asked to go on by GET. */
const polling =
  (goOn: HttpUpstreamHandler, retryMs = 10): HttpUpstreamHandler =>
  (request, reply) => {
    const { method, rpcId, rpcMethod } = request
    if (method === 'GET') return goOn(request, reply)
    if (method === 'DELETE' || rpcId === undefined) return void reply.writeHead(202).end()
    if (rpcMethod === 'initialize') {
      const result = {
        protocolVersion: '2025-11-25',
        capabilities: {},
        serverInfo: { name: 'polling', version: '1' },
      }
      return answerJson(
        reply,
        { jsonrpc: '2.0', id: rpcId, result },
        { headers: { 'mcp-session-id': 's-1' } },
      )
    }
    reply.writeHead(200, { 'content-type': 'text/event-stream' })
    reply.end(`retry: ${retryMs}\nid: first\ndata: \n\n`)
  }

const PROGRESS = {
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { progressToken: 1, progress: 1 },
}
const RESPONSE = { jsonrpc: '2.0', id: 1, result: { content: [] } }

test('a real server that lets its clients poll is polled for them', async () => {
  await using server = await startDualEraServer({ modern: false })
  await using open = openProxy()
  open.register(registered(server.url))
  const { ask } = await initialize(open.proxy)
  expect((await ask(callOf('test_reconnection'))).last).toMatchObject({
    id: 1,
    result: { content: [{ text: 'Reconnection test completed successfully' }] },
  })
  expect(server.executions).toHaveLength(1)
})

test('the answer goes on after the last event, however often it is cut, and the call is sent once', async () => {
  const polls: unknown[] = []
  await using upstream = await startHttpUpstream(
    polling(({ headers }, reply) => {
      polls.push(headers['last-event-id'])
      reply.writeHead(200, { 'content-type': 'text/event-stream' })
      const says = ['', `retry: 1\nid: second\n${eventOf(PROGRESS)}`, `id: third\n${eventOf(RESPONSE)}`]
      reply.end(says[polls.length - 1])
    }),
  )
  await using open = openProxy()
  open.register(registered(upstream.url))
  const { ask } = await initialize(open.proxy)
  const { messages } = await ask(callOf('pay'))
  expect(messages).toEqual([PROGRESS, RESPONSE])
  expect(polls).toEqual(['first', 'first', 'second'])
  const sessions = upstream.requests.filter(({ method }) => method === 'GET')
  expect(sessions.map(({ headers }) => headers['mcp-session-id'])).toEqual(['s-1', 's-1', 's-1'])
  expect(upstream.requests.filter(({ rpcMethod }) => rpcMethod === 'tools/call')).toHaveLength(1)
})

test.each([
  ['says that there is no such stream', 404],
  ['offers no streams', 405],
  ['breaks', 503],
])('a server that %s when it should go on ends the call with one error', async (_what, status) => {
  await using upstream = await startHttpUpstream(
    polling((_request, reply) => void reply.writeHead(status).end()),
  )
  await using open = openProxy()
  open.register(registered(upstream.url))
  const { ask } = await initialize(open.proxy)
  const { last, messages } = await ask(callOf('pay'))
  expect(messages).toHaveLength(1)
  expect(errorOf(last)).toMatchObject({ code: -32_603 })
  expect(upstream.requests.filter(({ rpcMethod }) => rpcMethod === 'tools/call')).toHaveLength(1)
})

test('a server that goes on without end, and says nothing, is left', async () => {
  await using upstream = await startHttpUpstream(
    polling((_request, reply) => void reply.writeHead(200, { 'content-type': 'text/event-stream' }).end(), 1),
  )
  await using open = openProxy()
  open.register(registered(upstream.url))
  const { ask } = await initialize(open.proxy)
  expect(errorOf((await ask(callOf('pay'))).last)).toMatchObject({ data: { reason: 'truncated' } })
})

test('a call that is gone on with still has its deadline', async () => {
  await using upstream = await startHttpUpstream(
    polling((_request, reply) => {
      reply.writeHead(200, { 'content-type': 'text/event-stream' })
      reply.write(': quiet\n\n')
    }),
  )
  await using open = openProxy({ timeouts: { toolCallMs: 1500 } })
  open.register(registered(upstream.url))
  const { ask } = await initialize(open.proxy)
  expect(errorOf((await ask(callOf('pay'))).last)).toMatchObject({ data: { reason: 'total_timeout' } })
})
