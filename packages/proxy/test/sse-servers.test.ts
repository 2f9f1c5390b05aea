import { type DualEraServer, startDualEraServer, waitUntil } from '@mreg/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { callOf, errorOf, initialize, requestOf, type TestClient } from './support/exchanges.ts'
import { type OpenProxy, openProxy, registered } from './support/open-proxy.ts'

let server: DualEraServer
let open: OpenProxy
let client: TestClient

beforeAll(async () => {
  server = await startDualEraServer({ legacy: 'none', modern: false })
  open = openProxy()
  const known = registered(server.sseUrl)
  open.register({ ...known, endpoints: known.endpoints.map((each) => ({ ...each, transport: 'sse' })) })
  client = await initialize(open.proxy)
})
afterAll(async () => {
  await open[Symbol.asyncDispose]()
  await server.stop()
})

test('a server of HTTP+SSE is used through the gateway: names, results and errors untouched', async () => {
  const list = await client.ask(requestOf('tools/list', {}, 'a'))
  expect(list.last).toMatchObject({ id: 'a', result: { tools: expect.any(Array) } })
  expect(JSON.stringify(list.last)).toContain('"x-vendor":{"kept":true}')
  const unknown = await client.ask(callOf('unknown_content', {}, { id: 2 }))
  expect(unknown.last).toMatchObject({ id: 2, result: { content: [{}, { type: 'com.example/hologram' }] } })
  const missing = await client.ask(requestOf('resources/read', { uri: 'test://none' }, 3))
  expect(missing.last).toMatchObject({ id: 3, error: { code: -32_002, data: { uri: 'test://none' } } })
})

test('its progress comes before its answer, and it can ask in mid call', async () => {
  const slow = callOf('slow_stream', { steps: 2, stepMs: 1 }, { id: 4, progressToken: 'mine' })
  expect((await client.ask(slow)).messages).toMatchObject([
    { method: 'notifications/progress', params: { progressToken: 'mine' } },
    { method: 'notifications/progress', params: { progressToken: 'mine' } },
    { id: 4, result: {} },
  ])
  const asking = client.send(callOf('test_roots', {}, { id: 5 }))
  const answer = await asking
  if (answer.kind !== 'stream') throw new Error('expected a stream')
  const texts: string[] = []
  for await (const chunk of answer.chunks) {
    const text = Buffer.from(chunk).toString()
    texts.push(text)
    const id = /"id":"(mreg-[^"]+)"/u.exec(text)?.[1]
    if (id === undefined) continue
    await client.ask({ jsonrpc: '2.0', id, result: { roots: [{ uri: 'file:///here' }] } })
  }
  expect(texts.join('')).toContain('Roots: [{\\"uri\\":\\"file:///here\\"}]')
})

test('a server that breaks its streams off is initialised again, and the client notices nothing', async () => {
  const executed = server.executions.length
  await server.forgetSessions()
  await waitUntil('the streams to close', () => server.sseConnections === 0)
  const answer = await waitUntil('the next call to succeed', async () => {
    const { last } = await client.ask(callOf('echo', { message: 'again' }, { id: 6 }))
    return 'result' in last && last
  })
  expect(answer).toMatchObject({ result: { content: [{ text: 'again' }] } })
  expect(server.executions).toHaveLength(executed + 1)
})

test('a call that is under way when the stream breaks fails once, and is not sent again', async () => {
  const executed = server.executions.length
  const failing = client.ask(callOf('slow_silence', { ms: 60_000 }, { id: 7 }))
  await waitUntil('the call', () => server.executions.length === executed + 1)
  await server.forgetSessions()
  const { last, messages } = await failing
  expect(messages).toHaveLength(1)
  expect(errorOf(last)).toMatchObject({ code: -32_603, data: { reason: 'truncated' } })
  expect(server.executions).toHaveLength(executed + 1)
})
