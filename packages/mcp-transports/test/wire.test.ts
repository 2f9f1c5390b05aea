import { HttpPool } from '@mreg/http-pool'
import { httpResponse, startScriptedUpstream, type ScriptStep } from '@mreg/testing'
import { expect, test } from 'vitest'

import { createStreamableHttpTransport } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { asStream, collect, ping } from './support/messages.ts'
import { openTransport } from './support/open-transport.ts'

const accepted: ScriptStep[] = ['read-request', { send: httpResponse(202, {}) }]
const eventStream = (events: string, headers: Record<string, string> = {}): ScriptStep[] => [
  'read-request',
  { send: httpResponse(200, { 'content-type': 'Text/Event-Stream; charset=utf-8', ...headers }, events) },
]

/** The head of a request, as lines, without the field that Node.js 22 adds. */
const headOf = (request: Buffer | undefined): string[] =>
  (request?.toString('latin1').split('\r\n\r\n', 1)[0] ?? '')
    .split('\r\n')
    .filter((line) => line !== 'Connection: keep-alive')

test('a message is posted as its very bytes, with the fields of the transport, then those of the caller', async () => {
  await using upstream = await startScriptedUpstream(accepted)
  await using open = openTransport(`${upstream.url}?tenant=1`)
  const reply = await open.transport.send({
    message: ping,
    sessionId: 'session-1',
    protocolVersion: '2025-11-25',
    headers: [
      ['Authorization', 'Bearer of-the-server'],
      ['Accept', '*/*'],
      ['Content-Type', 'text/plain'],
      ['MCP-Session-Id', 'other'],
      ['Mcp-Protocol-Version', 'other'],
      ['Mcp-Method', 'ping'],
    ],
  })
  expect(reply).toEqual({ kind: 'accepted', status: 202, sessionId: undefined })
  expect(headOf(upstream.requests[0])).toEqual([
    'POST /mcp?tenant=1 HTTP/1.1',
    `Host: 127.0.0.1:${upstream.port}`,
    'accept: application/json, text/event-stream',
    'content-type: application/json',
    'mcp-session-id: session-1',
    'mcp-protocol-version: 2025-11-25',
    'Authorization: Bearer of-the-server',
    'Mcp-Method: ping',
    'User-Agent: mreg-http-pool',
    'Accept-Encoding: identity',
    `Content-Length: ${ping.byteLength}`,
  ])
  expect(upstream.requests[0]?.toString().endsWith(Buffer.from(ping).toString())).toBe(true)
})

test('session and version may come among the fields of the caller', async () => {
  await using upstream = await startScriptedUpstream(accepted)
  await using open = openTransport(upstream.url)
  await open.transport.send({ message: ping, headers: [['MCP-Protocol-Version', '2026-07-28']] })
  const head = headOf(upstream.requests[0])
  expect(head).toContain('MCP-Protocol-Version: 2026-07-28')
  expect(head.some((line) => line.toLowerCase().startsWith('mcp-session-id'))).toBe(false)
})

test('listen asks for a stream with GET, after the last event that was seen', async () => {
  await using upstream = await startScriptedUpstream(eventStream('id: e8\ndata: {"a":1}\n\n'))
  await using open = openTransport(upstream.url)
  const stream = asStream(
    await open.transport.listen({ sessionId: 's', protocolVersion: '2025-11-25', lastEventId: 'e7' }),
  )
  expect(await collect(stream.messages)).toEqual([{ a: 1 }])
  expect(stream.position.lastEventId).toBe('e8')
  expect(headOf(upstream.requests[0])).toEqual([
    'GET /mcp HTTP/1.1',
    `Host: 127.0.0.1:${upstream.port}`,
    'accept: text/event-stream',
    'last-event-id: e7',
    'mcp-session-id: s',
    'mcp-protocol-version: 2025-11-25',
    'User-Agent: mreg-http-pool',
    'Accept-Encoding: identity',
  ])
})

test('a listen stream may be silent for longer than the idle time-out of the transport, a call may not', async () => {
  const script: ScriptStep[] = [
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 15\r\n\r\n' },
    { sleepMs: 300 },
    { send: 'data: {"a":1}\n\n' },
  ]
  await using upstream = await startScriptedUpstream([...script, ...script])
  await using open = openTransport(upstream.url, { timeouts: { idleMs: 100 } })
  const stream = asStream(await open.transport.listen({ sessionId: 's' }))
  expect(await collect(stream.messages)).toEqual([{ a: 1 }])
  const call = asStream(await open.transport.send({ message: ping }))
  expect(await failureOf(collect(call.messages))).toMatchObject({ reason: 'idle_timeout' })
  const bounded = asStream(await open.transport.listen({ sessionId: 's', timeouts: { idleMs: 100 } }))
  expect(await failureOf(collect(bounded.messages))).toMatchObject({ reason: 'idle_timeout' })
})

test('events that carry no message move the position and are not given', async () => {
  await using upstream = await startScriptedUpstream(
    eventStream(
      'id: e1\ndata:\n\n: comment\n\nretry: 1500\n\nevent: ping\ndata: {"b":2}\n\nevent: message\nid: e2\ndata: {"a":1}\n\nid: e3\n\n',
      { 'Mcp-Session-Id': 'opened' },
    ),
  )
  await using open = openTransport(upstream.url)
  const stream = asStream(await open.transport.send({ message: ping }))
  expect(stream.sessionId).toBe('opened')
  expect(stream.position.lastEventId).toBe(undefined)
  expect(await collect(stream.messages)).toEqual([{ a: 1 }])
  expect(stream.position.lastEventId).toBe('e3')
  expect(stream.position.retryMs).toBe(1_500)
})

test('a stream that has ended leaves its connection to the next message', async () => {
  await using upstream = await startScriptedUpstream([...eventStream('data: {"a":1}\n\n'), ...accepted])
  await using open = openTransport(upstream.url)
  const stream = asStream(await open.transport.send({ message: ping }))
  await collect(stream.messages)
  await open.transport.send({ message: ping })
  expect(upstream.connectionsAccepted).toBe(1)
})

test('a reader that leaves a stream closes its connection', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {"a":1}\n\ndata: {"a":2}\n\n' },
  ])
  await using open = openTransport(upstream.url)
  const stream = asStream(await open.transport.send({ message: ping }))
  for await (const { message } of stream.messages) {
    expect(Buffer.from(message).toString()).toBe('{"a":1}')
    break
  }
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(open.pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test.each([
  ['204', 'HTTP/1.1 204 No Content\r\nMcp-Session-Id: s9\r\n\r\n'],
  ['200 without a body', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nMcp-Session-Id: s9\r\n\r\n'],
])('%s is an acceptance', async (status, head) => {
  await using upstream = await startScriptedUpstream(['read-request', { send: head }])
  await using open = openTransport(upstream.url)
  expect(await open.transport.send({ message: ping })).toEqual({
    kind: 'accepted',
    status: Number(status.slice(0, 3)),
    sessionId: 's9',
  })
})

test('an acceptance is not held up by its body', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\npart of it' },
  ])
  await using open = openTransport(upstream.url)
  expect(await open.transport.send({ message: ping })).toMatchObject({ kind: 'accepted' })
})

test('a refusal tells what the caller needs to go on', async () => {
  const inAMinute = new Date(Date.now() + 60_000).toUTCString()
  await using upstream = await startScriptedUpstream([
    'read-request',
    {
      send: httpResponse(
        401,
        { 'content-type': 'text/plain', 'WWW-Authenticate': 'Bearer scope="x"', 'Retry-After': inAMinute },
        'no',
      ),
    },
  ])
  await using open = openTransport(upstream.url)
  const reply = await open.transport.send({ message: ping })
  expect(reply).toMatchObject({ kind: 'refused', status: 401, wwwAuthenticate: 'Bearer scope="x"' })
  if (reply.kind !== 'refused') throw new Error('expected a refusal')
  expect(reply.retryAfterMs).toBeGreaterThan(50_000)
  expect(reply.retryAfterMs).toBeLessThanOrEqual(60_000)
})

test('ending a session sends DELETE and forgives a server that does not know it or lets nobody end one', async () => {
  await using upstream = await startScriptedUpstream([])
  await using open = openTransport(upstream.url)
  for (const status of [200, 204, 404, 405]) {
    upstream.play(['read-request', { send: httpResponse(status, { connection: 'close' }) }])
    await open.transport.endSession({ sessionId: 's1', protocolVersion: '2025-11-25' })
  }
  expect(headOf(upstream.requests[0]).slice(0, 4)).toEqual([
    'DELETE /mcp HTTP/1.1',
    `Host: 127.0.0.1:${upstream.port}`,
    'mcp-session-id: s1',
    'mcp-protocol-version: 2025-11-25',
  ])
  upstream.play(['read-request', { send: httpResponse(401, { connection: 'close' }) }])
  expect(await failureOf(open.transport.endSession({ sessionId: 's1' }))).toMatchObject({
    reason: 'bad_status',
  })
})

test('ending a session has a short deadline of its own', async () => {
  await using upstream = await startScriptedUpstream(['read-request'])
  await using open = openTransport(upstream.url, { endSessionTimeoutMs: 120, timeouts: { totalMs: 60_000 } })
  expect(await failureOf(open.transport.endSession({ sessionId: 's1' }))).toMatchObject({
    reason: 'total_timeout',
  })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('S31: a field that HTTP does not allow is refused before anything is sent', async () => {
  await using upstream = await startScriptedUpstream(accepted)
  await using open = openTransport(upstream.url)
  const failure = await failureOf(open.transport.send({ message: ping, sessionId: 'a\r\nx-injected: 1' }))
  expect(failure).toMatchObject({ reason: 'invalid_request', requestSent: false })
  expect(upstream.connectionsAccepted).toBe(0)
})

test('a limit that is none is refused', () => {
  const url = new URL('http://127.0.0.1/mcp')
  const pool = new HttpPool()
  expect(() => createStreamableHttpTransport({ pool, url, maxMessageBytes: 0 })).toThrow(RangeError)
  expect(() => createStreamableHttpTransport({ pool, url, endSessionTimeoutMs: Number.NaN })).toThrow(
    RangeError,
  )
  pool.destroy()
})
