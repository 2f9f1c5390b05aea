import { encodeNotification, encodeRequest, encodeResult, scanMessage } from '@mreg/mcp-wire'
import { type DualEraServer, startDualEraServer, waitUntil } from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { failureOf } from '../support/failure-of.ts'
import { answerOf, asStream, callTool, initialize, parse, ping } from '../support/messages.ts'
import { openSse } from '../support/open-sse.ts'

let server: DualEraServer
beforeAll(async () => {
  server = await startDualEraServer({ legacy: 'none', modern: false })
})
afterAll(() => server.stop())

const text = (value: string): object => ({ result: { content: [{ text: value }] } })

test('a session is opened, used and ended, and its answers keep the ids of their callers', async () => {
  await using open = openSse(server.sseUrl)
  const { transport } = open
  expect(transport.kind).toBe('sse')
  const opened = await transport.send({ message: initialize })
  expect(opened).toMatchObject({ kind: 'message', status: 200 })
  expect(await answerOf(opened)).toMatchObject({ id: 1, result: { serverInfo: { name: 'dual-era' } } })
  const sessionId = opened.sessionId!
  const initialized = encodeNotification({ method: 'notifications/initialized' })
  expect(await transport.send({ message: initialized, sessionId })).toMatchObject({ kind: 'accepted' })

  const answers = await Promise.all(
    ['a', 7, 'b'].map(async (id) => {
      const params = { name: 'echo', arguments: { message: String(id) } }
      return answerOf(
        await transport.send({ message: encodeRequest({ id, method: 'tools/call', params }), sessionId }),
      )
    }),
  )
  expect(answers).toMatchObject(['a', 7, 'b'].map((id) => ({ id, ...text(String(id)) })))

  const before = server.sseConnections
  await transport.endSession({ sessionId })
  await waitUntil('the stream to close', () => server.sseConnections === before - 1)
  expect(await transport.send({ message: ping, sessionId })).toMatchObject({ kind: 'refused', status: 404 })
})

test('a call gives its progress, under the token of its caller, before its answer', async () => {
  await using open = openSse(server.sseUrl)
  const sessionId = await open.session()
  const message = callTool(2, 'slow_stream', { steps: 2, stepMs: 1 }, 'mine')
  const stream = asStream(await open.transport.send({ message, sessionId }))
  const messages = []
  for await (const event of stream.messages) messages.push(parse(event.message))
  expect(messages).toMatchObject([
    { method: 'notifications/progress', params: { progressToken: 'mine', progress: 1 } },
    { method: 'notifications/progress', params: { progressToken: 'mine', progress: 2 } },
    { id: 2, ...text('took 2 steps') },
  ])
})

test('the server asks in mid call, on the stream of that call', async () => {
  await using open = openSse(server.sseUrl)
  const sessionId = await open.session({ sampling: {} })
  const message = callTool(2, 'test_sampling', { prompt: 'Capital?' })
  const stream = asStream(await open.transport.send({ message, sessionId }))
  const messages = []
  for await (const event of stream.messages) {
    messages.push(parse(event.message))
    const { id = '', method } = scanMessage(event.message)
    if (method === undefined) continue
    const result = { role: 'assistant', content: { type: 'text', text: 'Paris' }, model: 'm' }
    await open.transport.send({ message: encodeResult({ id: String(id), result }), sessionId })
  }
  expect(messages).toMatchObject([
    { method: 'sampling/createMessage' },
    { id: 2, ...text('LLM response: Paris') },
  ])
})

test('sessions do not hear of each other, and who listens hears of changes', async () => {
  await using open = openSse(server.sseUrl)
  const [one, other] = [await open.session(), await open.session()]
  const uri = 'test://watched-resource'
  const subscribe = encodeRequest({ id: 5, method: 'resources/subscribe', params: { uri } })
  await open.transport.send({ message: subscribe, sessionId: one })
  const hear = async (sessionId: string): Promise<unknown> => {
    const stream = asStream(await open.transport.listen({ sessionId }))
    for await (const { message } of stream.messages) return parse(message)
    return undefined
  }
  const heard = [hear(one), hear(other)]
  await server.announce({ kind: 'updated', uri })
  await server.announce({ kind: 'tools' })
  expect(await Promise.all(heard)).toMatchObject([
    { method: 'notifications/resources/updated', params: { uri } },
    { method: 'notifications/tools/list_changed' },
  ])
})

test('a call that takes too long is cancelled, and the session goes on', async () => {
  await using open = openSse(server.sseUrl)
  const sessionId = await open.session()
  const message = callTool(3, 'slow_silence', { ms: 60_000 })
  const failure = await failureOf(open.transport.send({ message, sessionId, timeouts: { totalMs: 100 } }))
  expect(failure).toMatchObject({ reason: 'total_timeout', requestSent: true })
  expect(await answerOf(await open.transport.send({ message: ping, sessionId }))).toMatchObject({ id: 7 })
})

test('a server that goes away fails what is under way, and its session is not known any more', async () => {
  const other = await startDualEraServer({ legacy: 'none', modern: false })
  await using open = openSse(other.sseUrl)
  const sessionId = await open.session()
  const under = failureOf(
    open.transport.send({ message: callTool(3, 'slow_silence', { ms: 60_000 }), sessionId }),
  )
  await waitUntil('the call', () => other.executions.length === 1)
  await other.stop()
  expect((await under).requestSent).toBe(true)
  expect(['truncated', 'reset']).toContain((await under).reason)
  expect(await open.transport.send({ message: ping, sessionId })).toMatchObject({
    kind: 'refused',
    status: 404,
  })
  expect(await failureOf(open.transport.send({ message: initialize }))).toMatchObject({ requestSent: false })
})

test('a question in the words of the newer era is refused without a stream', async () => {
  await using open = openSse(server.sseUrl)
  const before = server.requests.length
  const params = { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } }
  const message = encodeRequest({ id: 1, method: 'server/discover', params })
  expect(await open.transport.send({ message })).toMatchObject({ kind: 'refused', status: 404 })
  expect(server.requests.length).toBe(before)
})

test('the session that was used longest ago is closed when there are too many', async () => {
  await using open = openSse(server.sseUrl, { maxSessions: 1 })
  const [first, second] = [await open.session(), await open.session()]
  expect(await open.transport.send({ message: ping, sessionId: first })).toMatchObject({ status: 404 })
  expect(await open.transport.send({ message: ping, sessionId: second })).toMatchObject({ kind: 'message' })
})

test('a session that nobody uses is closed, one that is listened to is not', async () => {
  await using other = await startDualEraServer({ legacy: 'none', modern: false })
  await using open = openSse(other.sseUrl, { idleSessionMs: 3000 })
  const listening = await open.session()
  await open.transport.listen({ sessionId: listening })
  await open.session()
  await waitUntil('the idle session to be closed', () => other.sseConnections === 1)
  expect(await open.transport.send({ message: ping, sessionId: listening })).toMatchObject({
    kind: 'message',
  })
})
