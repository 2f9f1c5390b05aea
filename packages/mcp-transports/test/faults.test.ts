import { gzipSync } from 'node:zlib'

import { freePort, httpResponse, startScriptedUpstream, type ScriptStep } from '@mreg/testing'
import { expect, test } from 'vitest'

import { UpstreamTransportError, type UpstreamEvent } from '../src/index.ts'
import { failureOf } from './support/failure-of.ts'
import { answerOf, asStream, callTool, collect, parse, ping } from './support/messages.ts'
import { openTransport } from './support/open-transport.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const pong = '{"jsonrpc":"2.0","id":7,"result":{}}'
const okStep = { send: httpResponse(200, JSON_TYPE, pong) }
const streamHead = {
  send: 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
}
const chunk = (text: string): ScriptStep => ({
  send: `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`,
})
const lastChunk: ScriptStep = { send: '0\r\n\r\n' }

test('F1: a server that is away fails at once, with certainty that nothing was sent', async () => {
  await using open = openTransport(`http://127.0.0.1:${await freePort()}/mcp`)
  const failure = await failureOf(
    open.transport.send({ message: callTool(1, 'pay', {}), method: 'tools/call' }),
  )
  expect(failure).toMatchObject({ reason: 'unreachable', requestSent: false, name: 'UpstreamTransportError' })
  expect(failure.message).toMatch(/^tools\/call: /)
  await expect.poll(() => open.pool.stats()).toMatchObject({ open: 0, active: 0 })
})

test('F6: a server without an answer is given up at the time-out of the request', async () => {
  await using upstream = await startScriptedUpstream(['read-request'])
  await using open = openTransport(upstream.url, { timeouts: { headersMs: 10_000 } })
  const failure = await failureOf(open.transport.send({ message: ping, timeouts: { headersMs: 120 } }))
  expect(failure).toMatchObject({ reason: 'headers_timeout', requestSent: true })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('F7: an answer that stalls delivers nothing of itself', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"jsonrpc"' },
  ])
  await using open = openTransport(upstream.url, { timeouts: { idleMs: 120 } })
  expect(await failureOf(open.transport.send({ message: ping }))).toMatchObject({
    reason: 'idle_timeout',
    requestSent: true,
  })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('F8: after a short answer the next message on the same session succeeds', async () => {
  await using upstream = await startScriptedUpstream((connection) =>
    connection === 1
      ? [
          'read-request',
          { send: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"json' },
          'end',
        ]
      : ['read-request', okStep],
  )
  await using open = openTransport(upstream.url)
  const request = { message: ping, sessionId: 's1', protocolVersion: '2025-11-25' }
  expect(await failureOf(open.transport.send(request))).toMatchObject({
    reason: 'truncated',
    requestSent: true,
  })
  expect(await answerOf(await open.transport.send(request))).toMatchObject({ id: 7 })
})

test.each<[string, ScriptStep[]]>([
  ['F9: reset in the middle of a stream', ['reset']],
  ['F9: reset in the middle of an event', [chunk('data: {"half'), { sleepMs: 50 }, 'reset']],
  ['F9: closed without the end of its stream', ['end']],
  ['closed within an event', [chunk('data: {"half"'), lastChunk]],
])('%s: what came is given, then the stream is truncated, and nothing is sent again', async (_how, steps) => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    streamHead,
    chunk('id: e1\nretry: 300\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n'),
    { sleepMs: 50 },
    ...steps,
  ])
  await using open = openTransport(upstream.url)
  const stream = asStream(await open.transport.send({ message: callTool(1, 'pay', {}) }))
  const events: UpstreamEvent[] = []
  const reading = (async () => {
    for await (const event of stream.messages) events.push(event)
  })()
  expect(await failureOf(reading)).toMatchObject({ reason: 'truncated', requestSent: true })
  expect(events.map(({ message, eventId, retryMs }) => [parse(message), eventId, retryMs])).toEqual([
    [{ jsonrpc: '2.0', method: 'notifications/progress' }, 'e1', 300],
  ])
  expect(stream.position.lastEventId).toBe('e1')
  expect(stream.position.retryMs).toBe(300)
  expect(upstream.requests.length).toBe(1)
  await expect.poll(() => open.pool.stats().active).toBe(0)
})

test('F10: comments do not keep a stream alive past the total time-out', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    streamHead,
    ...Array.from({ length: 100 }, () => [chunk(': still here\n\n'), { sleepMs: 20 }]).flat(),
  ])
  await using open = openTransport(upstream.url)
  const stream = asStream(await open.transport.send({ message: ping, timeouts: { totalMs: 300 } }))
  expect(await failureOf(collect(stream.messages))).toMatchObject({ reason: 'total_timeout' })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('F12: an answer over the limit is too large, whole or as an event', async () => {
  const big = `{"jsonrpc":"2.0","id":7,"result":{"text":"${'x'.repeat(5_000)}"}}`
  await using upstream = await startScriptedUpstream((connection) =>
    connection === 1
      ? ['read-request', { send: httpResponse(200, { ...JSON_TYPE, connection: 'close' }, big) }]
      : ['read-request', streamHead, chunk(`data: ${pong}\n\ndata: ${big}\n\n`)],
  )
  await using open = openTransport(upstream.url, { maxMessageBytes: 1_000 })
  expect(await failureOf(open.transport.send({ message: ping }))).toMatchObject({
    reason: 'too_large',
    excess: { limitBytes: 1_000, sizeBytes: Buffer.byteLength(big) },
  })
  const stream = asStream(await open.transport.send({ message: ping }))
  const reader = stream.messages[Symbol.asyncIterator]()
  expect(parse((await reader.next()).value?.message ?? new Uint8Array())).toMatchObject({ id: 7 })
  expect(await failureOf(reader.next())).toMatchObject({
    reason: 'too_large',
    requestSent: true,
    excess: { limitBytes: 1_000 },
  })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)

  upstream.play(['read-request', { send: httpResponse(200, JSON_TYPE, big) }])
  const reply = await open.transport.send({ message: ping, maxMessageBytes: 10_000 })
  expect(reply.kind).toBe('message')
})

test('F13: a compressed answer is refused unread (S43)', async () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000, '{'))
  for (const type of ['application/json', 'text/event-stream']) {
    await using upstream = await startScriptedUpstream([
      'read-request',
      { send: httpResponse(200, { 'content-type': type, 'content-encoding': 'gzip' }, bomb) },
    ])
    await using open = openTransport(upstream.url)
    expect(await failureOf(open.transport.send({ message: ping }))).toMatchObject({
      reason: 'bad_content_type',
    })
    await expect.poll(() => open.pool.stats().active).toBe(0)
  }
})

test.each([
  ['text/html', '<h1>secret page</h1>'],
  ['application/jsonp', '{}'],
  ['text/plain; charset=utf-8', pong],
])('F14: a success of type %s is a bad content type, and its text is not repeated', async (type, text) => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: httpResponse(200, { 'content-type': type }, text) },
  ])
  await using open = openTransport(upstream.url)
  const failure = await failureOf(open.transport.send({ message: ping }))
  expect(failure).toMatchObject({ reason: 'bad_content_type', requestSent: true })
  expect(failure.message).not.toContain('secret')
})

test('F14: a success with a body but without a type is a bad content type', async () => {
  await using upstream = await startScriptedUpstream(['read-request', { send: httpResponse(200, {}, pong) }])
  await using open = openTransport(upstream.url)
  expect(await failureOf(open.transport.send({ message: ping }))).toMatchObject({
    reason: 'bad_content_type',
  })
})

test('F14: an error page is a refusal with its status, type and first bytes', async () => {
  const page = `<h1>Bad gateway</h1>${'x'.repeat(200_000)}`
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: httpResponse(502, { 'content-type': 'text/html' }, page) },
  ])
  await using open = openTransport(upstream.url)
  const reply = await open.transport.send({ message: ping })
  if (reply.kind !== 'refused') throw new Error(`expected a refusal, got ${reply.kind}`)
  expect(reply).toMatchObject({ status: 502, contentType: 'text/html' })
  expect(Buffer.from(reply.body).toString()).toBe(page.slice(0, 65_536))
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

test('the body of a refusal is not waited for', async () => {
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: 'HTTP/1.1 503 Busy\r\nContent-Length: 500\r\nRetry-After: 7\r\n\r\ncome back' },
  ])
  await using open = openTransport(upstream.url)
  const reply = await open.transport.send({ message: ping })
  expect(reply).toMatchObject({ kind: 'refused', status: 503, retryAfterMs: 7_000 })
  expect(reply.kind === 'refused' && Buffer.from(reply.body).toString()).toBe('come back')
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
})

const jsonHead = {
  send: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
}

test.each([
  ['a number', ' 42'],
  ['a batch', '[{"jsonrpc":"2.0","id":7,"result":{}}]'],
  ['text', 'Internal Server Error'],
  ['blanks', ' \r\n\t'],
])('an answer in JSON that holds %s is not a message', async (_what, text) => {
  await using upstream = await startScriptedUpstream(['read-request', jsonHead, chunk(text), lastChunk])
  await using open = openTransport(upstream.url)
  expect(await failureOf(open.transport.send({ message: ping }))).toMatchObject({
    reason: 'not_a_message',
    requestSent: true,
  })
})

test('a success that turns out to be empty is an acceptance', async () => {
  await using upstream = await startScriptedUpstream(['read-request', jsonHead, lastChunk])
  await using open = openTransport(upstream.url)
  expect(await open.transport.send({ message: ping })).toMatchObject({ kind: 'accepted', status: 200 })
})

test('F18: a redirect is a refusal; its target is never asked', async () => {
  await using canary = await startScriptedUpstream()
  await using upstream = await startScriptedUpstream([
    'read-request',
    { send: httpResponse(307, { location: canary.url }) },
  ])
  await using open = openTransport(upstream.url)
  expect(await open.transport.send({ message: ping })).toMatchObject({ kind: 'refused', status: 307 })
  expect(canary.connectionsAccepted).toBe(0)
})

test('F19: on a kept connection that has died only a retryable message is sent again', async () => {
  const dying: ScriptStep[] = ['read-request', okStep, 'read-request', 'reset']
  await using upstream = await startScriptedUpstream(dying)
  await using open = openTransport(upstream.url)
  await open.transport.send({ message: ping })
  expect(await failureOf(open.transport.send({ message: callTool(2, 'pay', {}) }))).toMatchObject({
    reason: 'reset',
    requestSent: true,
  })
  expect(upstream.requests.length).toBe(2)
  await open.transport.send({ message: ping })
  expect(await answerOf(await open.transport.send({ message: ping, retryable: true }))).toMatchObject({
    id: 7,
  })
  expect(upstream.requests.length).toBe(5)
})

test('F20: an answer that nobody asked for reaches nobody', async () => {
  await using upstream = await startScriptedUpstream((connection) =>
    connection === 1
      ? ['read-request', okStep, { sleepMs: 30 }, { send: httpResponse(200, JSON_TYPE, '{"id":"poison"}') }]
      : ['read-request', okStep],
  )
  await using open = openTransport(upstream.url)
  await open.transport.send({ message: ping })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(await answerOf(await open.transport.send({ message: ping }))).toEqual(parse(Buffer.from(pong)))
})

test('an abort ends a message that waits and a stream that runs', async () => {
  await using upstream = await startScriptedUpstream(['read-request'])
  await using open = openTransport(upstream.url)
  const waiting = new AbortController()
  const sent = failureOf(open.transport.send({ message: ping, signal: waiting.signal }))
  await expect.poll(() => upstream.requests.length).toBe(1)
  waiting.abort()
  expect(await sent).toMatchObject({ reason: 'aborted', requestSent: true })

  upstream.play(['read-request', streamHead])
  const running = new AbortController()
  const stream = asStream(await open.transport.send({ message: ping, signal: running.signal }))
  const reading = failureOf(collect(stream.messages))
  running.abort()
  expect(await reading).toMatchObject({ reason: 'aborted', requestSent: true })
  await expect.poll(() => upstream.connectionsOpen).toBe(0)

  const early = await failureOf(open.transport.send({ message: ping, signal: AbortSignal.abort() }))
  expect(early).toMatchObject({ reason: 'aborted', requestSent: false })
})

test('a stream that nobody reads is gone when its request is aborted', async () => {
  await using upstream = await startScriptedUpstream(['read-request', streamHead])
  await using open = openTransport(upstream.url)
  const controller = new AbortController()
  const stream = asStream(await open.transport.send({ message: ping, signal: controller.signal }))
  controller.abort()
  await expect.poll(() => upstream.connectionsOpen).toBe(0)
  expect(open.pool.stats()).toMatchObject({ open: 0, active: 0 })
  expect(await failureOf(collect(stream.messages))).toMatchObject({ reason: 'aborted' })
})

test('an error is recognised by its code, also from another copy of the package', () => {
  expect(UpstreamTransportError.is(Object.assign(new Error('x'), { code: 'ERR_UPSTREAM_TRANSPORT' }))).toBe(
    true,
  )
  expect(UpstreamTransportError.is(new Error('x'))).toBe(false)
})
