import { randomBytes } from 'node:crypto'

import { LOCAL_PRINCIPAL } from '@mreg/core'
import type { RegisteredServer } from '@mreg/registry'
import { type FaultProxy, startDualEraServer, waitUntil } from '@mreg/testing'
import { isJsonObject, type JsonObject } from '@mreg/upstream'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { type AskingServer, startAskingServer } from './support/asking-server.ts'
import type { SeenAnswer } from './support/exchanges.ts'
import { type ModernFields, sendModern } from './support/modern-exchanges.ts'
import { openOnRedis, redisPrefix, startWayToRedis } from './support/open-on-redis.ts'
import { type OpenProxy, registered } from './support/open-proxy.ts'

const KEYS = [randomBytes(32).toString('base64url')]
const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} }
const inputResponses = { 'elicitation/create': { action: 'accept', content: { name: 'Ada' } } }

const resultOf = ({ last }: SeenAnswer): JsonObject => (isJsonObject(last['result']) ? last['result'] : {})

const call = (
  proxy: OpenProxy,
  more: object = {},
  { name = 'ask', ...fields }: ModernFields & { readonly name?: string } = {},
): Promise<SeenAnswer> =>
  sendModern(proxy, 'tools/call', { name, arguments: {}, ...more }, { capabilities, ...fields })

const errorFor = (reason: string): object => ({
  error: { code: -32_603, data: { reason, server: 'fixture' } },
})

const park = async (proxy: OpenProxy): Promise<string> => {
  const asked = resultOf(await call(proxy))
  expect(asked).toMatchObject({ resultType: 'input_required' })
  return String(asked['requestState'])
}

describe('a call that waits in one gateway, and is answered at another', () => {
  let server: AskingServer
  let fixture: RegisteredServer
  let ways: FaultProxy[]
  let keyPrefix: string

  beforeAll(async () => {
    server = await startAskingServer()
    fixture = registered(server.url)
    ways = await Promise.all([startWayToRedis(), startWayToRedis()])
  })

  afterAll(async () => {
    await Promise.all((ways ?? []).map((way) => way.stop()))
    await server?.[Symbol.asyncDispose]()
  })

  beforeEach(() => {
    keyPrefix = redisPrefix('parked')
  })

  /** A gateway with its own way to Redis: 0 or 1. */
  const openGateway = async (number: 0 | 1, served = fixture): Promise<OpenProxy> => {
    const way = ways[number]
    if (way === undefined) throw new Error('there is no such way')
    return openOnRedis(way, {
      keyPrefix,
      served,
      keys: KEYS,
      maxMessageBytes: 8_388_608,
      // Nothing waits as long as that but who waits for somebody that has gone.
      timeouts: { toolCallMs: 60_000, heartbeatMs: 300 },
    })
  }

  test('goes on where it is: what the server says from then on comes here, to the last byte', async () => {
    await using one = await openGateway(0)
    await using two = await openGateway(1)
    const text = 'ä line of text\n'.repeat(100_000)
    server.onAnswer(({ answer, end, say }) => {
      const params = { level: 'info', data: answer }
      say({ method: 'notifications/message', params })
      end({ content: [{ type: 'text', text }], structuredContent: answer })
    })
    const executed = server.calls
    const requestState = await park(one)
    const meta = { 'io.modelcontextprotocol/logLevel': 'info' }
    const there = await call(two, { inputResponses, requestState }, { id: 'there', meta })
    expect(there.last).toMatchObject({ id: 'there', result: { resultType: 'complete' } })
    expect(resultOf(there)['structuredContent']).toEqual(inputResponses['elicitation/create'])
    expect(JSON.stringify(resultOf(there)['content']) === JSON.stringify([{ type: 'text', text }])).toBe(true)
    expect(server.calls - executed).toBe(1)
    // It has gone on: once.
    const again = await call(two, { inputResponses, requestState })
    expect(again.last).toMatchObject(errorFor('parked_call_gone'))
  })

  test('S23 is asked again there, and is good for no other request and for nobody else', async () => {
    await using one = await openGateway(0)
    await using two = await openGateway(1)
    server.onAnswer(({ end }) => end({ content: [] }))
    const requestState = await park(one)
    expect(resultOf(await call(two, { requestState }))).toMatchObject({
      resultType: 'input_required',
      requestState,
    })
    const principal = { ...LOCAL_PRINCIPAL, id: 'somebody-else' }
    for (const [more, fields] of [
      [{ arguments: { other: true } }, {}],
      [{}, { principal }],
    ] as const) {
      const foreign = await call(two, { ...more, inputResponses, requestState }, fields)
      expect(foreign.last).toMatchObject({ error: { code: -32_602, data: { reason: 'request_state' } } })
    }
    expect(resultOf(await call(two, { inputResponses, requestState }))).toMatchObject({ content: [] })
  })

  test('can be asked from one to the other as often as its server wants to know something', async () => {
    await using dual = await startDualEraServer({ modern: false, resumable: false })
    const served = registered(dual.url)
    await using one = await openGateway(0, served)
    await using two = await openGateway(1, served)
    const name = 'test_input_required_result_multi_round'
    let asked = resultOf(await call(one, {}, { name }))
    for (const next of [two, one, two]) {
      if (asked['resultType'] !== 'input_required') break
      const { inputRequests, requestState } = asked
      const keys = Object.keys(isJsonObject(inputRequests) ? inputRequests : {})
      const content = { name: 'Ada', color: 'Blue' }
      const responses = Object.fromEntries(keys.map((key) => [key, { action: 'accept', content }]))
      asked = resultOf(await call(next, { inputResponses: responses, requestState }, { name }))
    }
    expect(asked).toMatchObject({ resultType: 'complete' })
    expect(JSON.stringify(asked)).toContain('Blue')
  })

  test('is cancelled at its server when the client goes there', async () => {
    await using one = await openGateway(0)
    await using two = await openGateway(1)
    const answered = Promise.withResolvers<void>()
    server.onAnswer(() => answered.resolve())
    const before = server.cancelled
    const requestState = await park(one)
    const gone = new AbortController()
    const waiting = call(two, { inputResponses, requestState }, { signal: gone.signal })
    await answered.promise
    gone.abort()
    await waiting
    await expect.poll(() => server.cancelled, { timeout: 15_000 }).toBeGreaterThan(before)
  })

  test('is an error that says so when the gateway that had it is gone', async () => {
    await using two = await openGateway(1)
    let requestState: string
    {
      await using one = await openGateway(0)
      requestState = await park(one)
    }
    const there = await call(two, { inputResponses, requestState })
    expect(there.last).toMatchObject(errorFor('parked_call_gone'))
  })

  test('is an error that says so when that gateway falls silent, and is cancelled there', async () => {
    await using one = await openGateway(0)
    await using two = await openGateway(1)
    const answered = Promise.withResolvers<void>()
    server.onAnswer(() => answered.resolve())
    const before = server.cancelled
    const requestState = await park(one)
    const waiting = call(two, { inputResponses, requestState })
    await answered.promise
    ways[0]?.pause()
    expect((await waiting).last).toMatchObject(errorFor('parked_call_lost'))
    // Nobody takes what comes of it.
    await waitUntil('the cancellation', () => server.cancelled > before)
    ways[0]?.resume()
  })

  test('is an error that says so while Redis is away, and waits on', async () => {
    await using one = await openGateway(0)
    await using two = await openGateway(1)
    server.onAnswer(({ end }) => end({ content: [] }))
    const requestState = await park(one)
    await ways[1]?.refuse()
    ways[1]?.reset()
    const there = await call(two, { inputResponses, requestState })
    expect(there.last).toMatchObject(errorFor('parked_call_gone'))
    await ways[1]?.accept()
    expect(resultOf(await call(one, { inputResponses, requestState }))).toMatchObject({ content: [] })
  })
})
