import { startFixtureServer } from '@mreg/testing'
import { expect, test } from 'vitest'

import type { UpstreamTransport } from '../src/index.ts'
import {
  answerOf,
  asStream,
  callTool,
  collect,
  initialize,
  initialized,
  parse,
  ping,
  PROTOCOL_VERSION,
} from './support/messages.ts'
import { openTransport } from './support/open-transport.ts'

/** Opens a session as a client does, and gives what every later request carries. */
async function openSession(
  transport: UpstreamTransport,
): Promise<{ sessionId: string; protocolVersion: string }> {
  const reply = await transport.send({ message: initialize })
  expect(await answerOf(reply)).toMatchObject({ id: 1, result: { protocolVersion: PROTOCOL_VERSION } })
  const { sessionId } = reply
  if (sessionId === undefined) throw new Error('the server opened no session')
  const session = { sessionId, protocolVersion: PROTOCOL_VERSION }
  const accepted = await transport.send({ message: initialized, ...session })
  expect(accepted).toMatchObject({ kind: 'accepted', status: 202 })
  return session
}

test.each([
  ['a stream', false, 'stream'],
  ['JSON', true, 'message'],
] as const)('a session with an SDK server that answers in %s', async (_form, jsonResponses, kind) => {
  await using server = await startFixtureServer({ jsonResponses })
  await using open = openTransport(server.url)
  const { transport, pool } = open
  const session = await openSession(transport)

  const reply = await transport.send({ message: callTool(2, 'echo', { message: 'hällo' }), ...session })
  expect(reply.kind).toBe(kind)
  expect(await answerOf(reply)).toEqual({
    jsonrpc: '2.0',
    id: 2,
    result: { content: [{ type: 'text', text: 'hällo' }] },
  })
  expect(await answerOf(await transport.send({ message: ping, ...session }))).toMatchObject({
    id: 7,
    result: {},
  })
  expect(server.requestHeaders.at(-1)).toMatchObject({
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-session-id': session.sessionId,
    'mcp-protocol-version': PROTOCOL_VERSION,
    'accept-encoding': 'identity',
  })
  expect(server.requestHeaders.at(-1)).not.toHaveProperty('authorization')

  await transport.endSession(session)
  expect(server.sessionIds).toEqual([])
  await transport.endSession(session)
  expect(pool.stats().active).toBe(0)
})

test('progress of a call arrives while the call runs', async () => {
  await using server = await startFixtureServer()
  await using open = openTransport(server.url)
  const session = await openSession(open.transport)
  const reply = asStream(await open.transport.send({ message: callTool(3, 'hold', {}, 'token'), ...session }))
  const reader = reply.messages[Symbol.asyncIterator]()
  const first = await reader.next()
  expect(parse(first.value?.message ?? new Uint8Array())).toMatchObject({
    method: 'notifications/progress',
    params: { progressToken: 'token', progress: 1 },
  })
  server.release()
  const second = await reader.next()
  expect(parse(second.value?.message ?? new Uint8Array())).toMatchObject({ id: 3, result: {} })
  expect(await reader.next()).toEqual({ done: true, value: undefined })
})

test('a cancelled stream ends its connection and its reader', async () => {
  await using server = await startFixtureServer()
  await using open = openTransport(server.url)
  const session = await openSession(open.transport)
  const reply = asStream(await open.transport.send({ message: callTool(4, 'hold', {}, 't'), ...session }))
  const reading = collect(reply.messages)
  reply.cancel()
  reply.cancel()
  await expect(reading).rejects.toMatchObject({ code: 'ERR_UPSTREAM_TRANSPORT', reason: 'aborted' })
  await expect.poll(() => open.pool.stats().active).toBe(0)
})

test('the stream of a session opens, once', async () => {
  await using server = await startFixtureServer()
  await using open = openTransport(server.url)
  const session = await openSession(open.transport)
  const stream = asStream(await open.transport.listen(session))
  const second = await open.transport.listen(session)
  expect(second).toMatchObject({ kind: 'refused', status: 409 })
  stream.cancel()
})

test('an unknown session is a refusal with the body of the server', async () => {
  await using server = await startFixtureServer()
  await using open = openTransport(server.url)
  const reply = await open.transport.send({
    message: ping,
    sessionId: 'gone',
    protocolVersion: PROTOCOL_VERSION,
  })
  if (reply.kind !== 'refused') throw new Error(`expected a refusal, got ${reply.kind}`)
  expect(reply).toMatchObject({ status: 404, contentType: 'application/json' })
  expect(parse(reply.body)).toMatchObject({ error: { code: -32_001 } })
})

test('disposing of a transport ends its streams and requests, and leaves the pool open', async () => {
  await using server = await startFixtureServer()
  await using open = openTransport(server.url)
  const { transport, pool } = open
  const session = await openSession(transport)
  const stream = asStream(await transport.listen(session))
  const reading = collect(stream.messages)
  await transport[Symbol.asyncDispose]()
  await transport[Symbol.asyncDispose]()
  await expect(reading).rejects.toMatchObject({ reason: 'closed' })
  await expect(transport.send({ message: ping, ...session })).rejects.toMatchObject({
    code: 'ERR_UPSTREAM_TRANSPORT',
    reason: 'closed',
    requestSent: false,
  })
  await expect.poll(() => pool.stats().active).toBe(0)
  const response = await pool.relay({ url: new URL(server.url), method: 'GET' })
  response.body.discard()
})
