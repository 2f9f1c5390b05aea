import type { ServerResponse } from 'node:http'

import { freePort, httpResponse, startHttpUpstream, startScriptedUpstream } from '@mreg/testing'
import { expect, test } from 'vitest'

import { createHttpClient, type RetryOptions } from '../src/got.ts'
import { HttpPool } from '../src/index.ts'
import { RetryBudget } from '../src/retry-budget.ts'
import { failureOf } from './support/failure-of.ts'
import { startHttpServer } from './support/http-server.ts'

const FAST: RetryOptions = { initialDelayMs: 1, minRetriesPerSecond: 1_000 }

/** Answers with these statuses in turn, the last for ever. */
const startFlaky = (
  statuses: readonly number[],
  prepare: (response: ServerResponse) => void = () => undefined,
): ReturnType<typeof startHttpServer> => {
  let answered = 0
  return startHttpServer((_request, response) => {
    response.statusCode = statuses[Math.min(answered, statuses.length - 1)] ?? 200
    answered += 1
    prepare(response)
    response.end(`answer ${answered}`)
  })
}

test('nothing is sent again unless that is asked for', async () => {
  await using server = await startFlaky([503, 200])
  await using pool = new HttpPool()
  expect((await createHttpClient(pool).get(server.url)).status).toBe(503)
  expect(server.requests.length).toBe(1)
  expect((await createHttpClient(pool, { retry: true }).get(server.url, { retry: false })).status).toBe(200)
})

test('a refusal that may pass is asked again, up to the limit', async () => {
  await using server = await startFlaky([503, 429, 200])
  await using pool = new HttpPool()
  const response = await createHttpClient(pool, { retry: FAST }).get(server.url)
  expect([response.status, response.text()]).toEqual([200, 'answer 3'])
  await using down = await startFlaky([502])
  const client = createHttpClient(pool, { retry: { ...FAST, maxRetries: 3 } })
  expect((await client.get(down.url)).status).toBe(502)
  expect(down.requests.length).toBe(4)
  expect(pool.stats()).toMatchObject({ active: 0, queued: 0 })
})

test.each([400, 401, 404, 500, 501])('status %d is the answer', async (status) => {
  await using server = await startFlaky([status, 200])
  await using pool = new HttpPool()
  expect((await createHttpClient(pool, { retry: FAST }).get(server.url)).status).toBe(status)
})

test('only methods that may run twice are sent twice, others when that is said', async () => {
  await using server = await startFlaky([503])
  await using pool = new HttpPool()
  const count = async (method: string, retry: RetryOptions = FAST): Promise<number> => {
    const before = server.requests.length
    await createHttpClient(pool, { retry: { ...retry, maxRetries: 1 } }).request(server.url, { method })
    return server.requests.length - before
  }
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'get']) expect(await count(method)).toBe(2)
  for (const method of ['POST', 'PATCH']) expect(await count(method)).toBe(1)
  expect(await count('POST', { ...FAST, methods: ['post'] })).toBe(2)
  expect(await count('GET', { ...FAST, methods: ['post'] })).toBe(1)
})

test('A2: a POST that may have been executed is not sent again, one that certainly was not is', async () => {
  await using upstream = await startScriptedUpstream(['read-request', 'reset'])
  await using pool = new HttpPool()
  const client = createHttpClient(pool, { retry: FAST })
  expect(await failureOf(client.post(upstream.url, { body: 'x' }))).toMatchObject({
    reason: 'reset',
    requestSent: true,
  })
  expect(upstream.requests.length).toBe(1)
  expect(await failureOf(client.get(upstream.url))).toMatchObject({ reason: 'reset' })
  expect(upstream.requests.length).toBe(4)

  const port = await freePort()
  const waiting = createHttpClient(pool, {
    retry: { maxRetries: 10_000, initialDelayMs: 20, maxDelayMs: 20, minRetriesPerSecond: 1_000 },
  }).post(`http://127.0.0.1:${port}/`, { body: 'x' })
  await using late = await startHttpUpstream((_request, response) => void response.end('late'), { port })
  expect((await waiting).text()).toBe('late')
  expect(late.requests.length).toBe(1)
})

test('F8: an answer that is cut off is asked for again', async () => {
  await using upstream = await startScriptedUpstream((connection) => [
    'read-request',
    ...(connection === 1
      ? [{ send: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf' }, 'end' as const]
      : [{ send: httpResponse(200, {}, 'whole') }]),
  ])
  await using pool = new HttpPool()
  expect((await createHttpClient(pool, { retry: FAST }).get(upstream.url)).text()).toBe('whole')
})

test('F22: Retry-After is waited for, and when that is past the deadline the refusal is the answer', async () => {
  await using soon = await startFlaky([503, 200], (response) => response.setHeader('retry-after', '1'))
  await using pool = new HttpPool()
  const client = createHttpClient(pool, { retry: FAST })
  const startedAt = performance.now()
  expect((await client.get(soon.url)).status).toBe(200)
  // Timers of Node.js may be a fraction early.
  expect(performance.now() - startedAt).toBeGreaterThan(990)

  const tomorrow = new Date(Date.now() + 86_400_000).toUTCString()
  for (const value of ['3600', tomorrow]) {
    await using late = await startFlaky([429, 200], (response) => response.setHeader('retry-after', value))
    expect((await client.get(late.url)).status).toBe(429)
    expect(late.requests.length).toBe(1)
  }
  await using past = await startFlaky([503, 200], (response) =>
    response.setHeader('retry-after', new Date(0).toUTCString()),
  )
  expect((await client.get(past.url)).status).toBe(200)
})

test('the deadline is one for all tries', async () => {
  await using upstream = await startScriptedUpstream(['read-request'])
  await using pool = new HttpPool()
  const client = createHttpClient(pool, {
    retry: { ...FAST, maxRetries: 1_000 },
    timeouts: { headersMs: 100, totalMs: 2_000 },
  })
  const failure = await failureOf(client.get(upstream.url))
  expect(['headers_timeout', 'total_timeout']).toContain(failure.reason)
  expect(upstream.requests.length).toBeGreaterThan(1)
  expect(upstream.requests.length).toBeLessThan(25)
})

test('an abort ends the wait between two tries', async () => {
  await using server = await startFlaky([503], (response) => response.setHeader('retry-after', '30'))
  await using pool = new HttpPool()
  const controller = new AbortController()
  const sent = failureOf(
    createHttpClient(pool, { retry: FAST }).get(server.url, { signal: controller.signal }),
  )
  await expect.poll(() => pool.stats()).toMatchObject({ idle: 1, active: 0 })
  controller.abort(new Error('enough'))
  expect(await sent).toMatchObject({ reason: 'aborted', cause: new Error('enough') })
  expect(server.requests.length).toBe(1)
})

test('F56: when everything fails, retries are a small share of the requests', async () => {
  await using server = await startFlaky([503])
  await using pool = new HttpPool()
  const client = createHttpClient(pool, {
    retry: { ...FAST, maxRetries: 5, budgetRatio: 0.1, minRetriesPerSecond: 0 },
  })
  for (let count = 0; count < 100; count += 1) await client.get(server.url)
  expect(server.requests.length).toBe(110)
})

test('the budget of an origin: a share of its requests, and a few a second', () => {
  let nowMs = 0
  const budget = new RetryBudget(0.25, 2, () => nowMs)
  const spend = (): number => {
    let spent = 0
    while (budget.spend()) spent += 1
    return spent
  }
  expect(spend()).toBe(2)
  expect(spend()).toBe(0)
  nowMs += 500
  expect(spend()).toBe(1)
  nowMs += 3_600_000
  expect(spend()).toBe(2)
  for (let count = 0; count < 8; count += 1) budget.earn()
  expect(spend()).toBe(2)
  for (let count = 0; count < 1_000; count += 1) budget.earn()
  expect(spend()).toBe(20)
})

test('budgets are kept apart by origin', async () => {
  await using one = await startFlaky([503])
  await using two = await startFlaky([503])
  await using pool = new HttpPool()
  const client = createHttpClient(pool, { retry: { ...FAST, minRetriesPerSecond: 0, budgetRatio: 0.5 } })
  await client.get(one.url)
  await client.get(two.url)
  expect([one.requests.length, two.requests.length]).toEqual([1, 1])
  await client.get(one.url)
  expect([one.requests.length, two.requests.length]).toEqual([3, 1])
})

test('an option out of range is refused by name', async () => {
  await using pool = new HttpPool()
  const client = createHttpClient(pool)
  await expect(client.get('http://127.0.0.1:9/', { retry: { maxRetries: -1 } })).rejects.toThrow(
    /^retry option maxRetries must be/u,
  )
})
