import { randomUUID } from 'node:crypto'

import { LOCAL_PRINCIPAL } from '@mreg/core'
import { type DualEraServer, startDualEraServer, waitUntil } from '@mreg/testing'
import { isJsonObject, type JsonObject } from '@mreg/upstream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { ServerProxyOptions } from '../src/index.ts'
import type { SeenAnswer } from './support/exchanges.ts'
import { type ModernFields, sendModern } from './support/modern-exchanges.ts'
import { type OpenProxy, openProxy, registered } from './support/open-proxy.ts'

const capabilities = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} }
const PARAMS = { name: 'test_elicitation', arguments: { message: 'Who?' } }
const ANSWER = { action: 'accept', content: { username: 'ada', email: 'ada@example.com' } }
const DONE = { content: [{ text: expect.stringContaining('action=accept') }], resultType: 'complete' }

/** The result in an answer. */
const resultOf = ({ last }: SeenAnswer): JsonObject => (isJsonObject(last['result']) ? last['result'] : {})

const call = (proxy: OpenProxy, more: object = {}, fields: ModernFields = {}): Promise<SeenAnswer> =>
  sendModern(proxy, 'tools/call', { ...PARAMS, ...more }, { capabilities, ...fields })

/** Calls until the server asks. Gives the state to go on with. */
const park = async (proxy: OpenProxy): Promise<string> => {
  const asked = resultOf(await call(proxy))
  expect(asked).toMatchObject({
    resultType: 'input_required',
    inputRequests: { 'elicitation/create': { method: 'elicitation/create', params: { message: 'Who?' } } },
  })
  return String(asked['requestState'])
}

describe('a call of a newer client that waits for an answer', () => {
  let server: DualEraServer
  let open: OpenProxy

  const openWith = (bridge: ServerProxyOptions['bridge']): OpenProxy => {
    const other = openProxy({ bridge, timeouts: { toolCallMs: 60_000 } })
    other.register(registered(server.url), registered(server.url, { slug: 'other' }))
    return other
  }
  const inputResponses = { 'elicitation/create': ANSWER }

  beforeAll(async () => {
    server = await startDualEraServer({ modern: false, resumable: false })
    open = openWith({})
  })
  afterAll(async () => {
    await open[Symbol.asyncDispose]()
    await server.stop()
  })

  test('goes on with it, under the id of the repeated request', async () => {
    const requestState = await park(open)
    const answer = await call(open, { inputResponses, requestState }, { id: 'again' })
    expect(answer.last).toMatchObject({ id: 'again', result: DONE })
  })

  test('is asked again when the answer is missing', async () => {
    const requestState = await park(open)
    for (const missing of [{}, { inputResponses: {} }, { inputResponses: { other: ANSWER } }]) {
      const again = await call(open, { ...missing, requestState })
      expect(resultOf(again)).toMatchObject({ resultType: 'input_required', requestState })
    }
    expect(resultOf(await call(open, { inputResponses, requestState }))).toMatchObject(DONE)
  })

  test('is asked all that the server wants to know at once', async () => {
    await using patient = openWith({ gatherMs: 2000 })
    const name = 'test_input_required_result_multiple_inputs'
    const asked = resultOf(await call(patient, { name, arguments: {} }))
    const { inputRequests, requestState } = asked
    const keys = Object.keys(isJsonObject(inputRequests) ? inputRequests : {})
    expect(keys).toEqual(['elicitation/create', 'sampling/createMessage-2', 'roots/list-3'])
    const [form = '', sample = '', roots = ''] = keys
    const some = { [form]: { action: 'accept', content: { name: 'Ada' } }, [roots]: { roots: [] } }
    const again = resultOf(await call(patient, { name, arguments: {}, inputResponses: some, requestState }))
    expect(again).toEqual(asked)
    const all = {
      ...some,
      [sample]: { role: 'assistant', model: 'm', content: { type: 'text', text: 'hi' } },
    }
    const done = resultOf(await call(patient, { name, arguments: {}, inputResponses: all, requestState }))
    expect(done).toMatchObject({ resultType: 'complete', content: [{ text: 'Ada: hi' }] })
  })

  test('S23 goes on once', async () => {
    const requestState = await park(open)
    expect(resultOf(await call(open, { inputResponses, requestState }))).toMatchObject(DONE)
    const again = await call(open, { inputResponses, requestState })
    expect(again.last).toMatchObject({ error: { data: { reason: 'parked_call_gone' } } })
  })

  test.each<[string, object, ModernFields]>([
    ['with other arguments', { arguments: { message: 'What?' } }, {}],
    ['of another principal', {}, { principal: { ...LOCAL_PRINCIPAL, id: 'somebody-else' } }],
    ['to another server', {}, { slug: 'other' }],
    ['of a client that is able to do something else', {}, { capabilities: { elicitation: {} } }],
  ])('S23 is nothing for a request %s', async (_what, more, fields) => {
    const requestState = await park(open)
    const foreign = await call(open, { ...more, inputResponses, requestState }, fields)
    expect(foreign.last).toMatchObject({ error: { code: -32_602, data: { reason: 'request_state' } } })
    expect(resultOf(await call(open, { inputResponses, requestState }))).toMatchObject(DONE)
  })

  test('S23 is nothing for a state that was changed, or made up', async () => {
    const requestState = await park(open)
    const changed = `${requestState.slice(0, -4)}${requestState.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
    for (const state of [changed, 'made-up', '', 7, null, 'x'.repeat(10_000)]) {
      const refused = await call(open, { inputResponses, requestState: state })
      expect(refused.last).toMatchObject({ error: { code: -32_602 } })
    }
    expect(resultOf(await call(open, { inputResponses, requestState }))).toMatchObject(DONE)
  })

  test('S23 does not wait for ever', async () => {
    await using short = openWith({ parkMs: 50 })
    const requestState = await park(short)
    // An answer that is missing changes nothing, so it can be tried as often as one likes.
    await expect
      .poll(async () => (await call(short, { requestState })).last, { timeout: 15_000 })
      .toMatchObject({ error: { data: { reason: 'parked_call_gone' } } })
  })

  test('is one of few: the server is told that more cannot wait', async () => {
    await using few = openWith({ maxParkedPerPrincipal: 1 })
    const requestState = await park(few)
    const { last } = await call(few)
    expect(JSON.stringify(last)).toContain('Too many calls')
    expect(resultOf(await call(few, { inputResponses, requestState }))).toMatchObject(DONE)
    const next = await park(few)
    expect(resultOf(await call(few, { inputResponses, requestState: next }))).toMatchObject(DONE)
  })

  test('knows nothing of a call of another process, and says so', async () => {
    const keys = [randomUUID().repeat(2)]
    await using one = openProxy({ keys })
    await using another = openProxy({ keys })
    const known = registered(server.url)
    one.register(known)
    another.register(known)
    const requestState = await park(one)
    const there = await call(another, { inputResponses, requestState })
    expect(there.last).toMatchObject({ error: { code: -32_603, data: { reason: 'parked_call_gone' } } })
  })
})

test('a newer client that closes its response cancels the call at an older server', async () => {
  await using server = await startDualEraServer({ modern: false })
  await using open = openProxy({ timeouts: { toolCallMs: 60_000, streamAfterMs: 10 } })
  open.register(registered(server.url))
  const label = randomUUID()
  const gone = new AbortController()
  const waiting = sendModern(
    open,
    'tools/call',
    { name: 'wait_until_cancelled', arguments: { label } },
    { signal: gone.signal },
  )
  await waitUntil('the call', () => server.executions.some(({ tool }) => tool === 'wait_until_cancelled'))
  gone.abort()
  await waiting
  await expect
    .poll(
      async () =>
        resultOf(await sendModern(open, 'tools/call', { name: 'was_cancelled', arguments: { label } })),
      { timeout: 15_000 },
    )
    .toMatchObject({ content: [{ text: 'true' }] })
})

test('S58: a newer client that can answer nothing is asked nothing', async () => {
  await using server = await startDualEraServer({ modern: false })
  await using open = openProxy()
  open.register(registered(server.url))
  const { last } = await sendModern(open, 'tools/call', { name: 'test_sampling', arguments: { prompt: 'x' } })
  expect(JSON.stringify(last)).toContain('The client has no sampling')
})
