import { randomUUID } from 'node:crypto'

import type { JsonObject } from '@mreg/upstream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { errorOf, initialize, requestOf } from './support/exchanges.ts'
import { sendModern } from './support/modern-exchanges.ts'
import { type OpenProxy, openProxy, registered } from './support/open-proxy.ts'
import { startReplica } from './support/replica-server.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** As long as sessions last when nobody says anything. */
const SESSION_MS = 7 * DAY_MS
const OPEN_MS = 400

type Era = 'legacy' | 'modern'
type Ask = (method: string, params?: Readonly<Record<string, unknown>>) => Promise<JsonObject>

const client = async (open: OpenProxy, era: Era): Promise<Ask> => {
  if (era === 'modern') return async (method, params) => (await sendModern(open, method, params)).last
  const { ask } = await initialize(open.proxy)
  return async (method, params = {}) => (await ask(requestOf(method, params))).last
}

// The clock of the wall is set; the one that never goes back goes on, and so do the timers.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})

afterEach(() => {
  vi.useRealTimers()
})

test.each(
  [HOUR_MS, -HOUR_MS, DAY_MS, -DAY_MS].flatMap((jumpMs) =>
    (['legacy', 'modern'] as const).map((era) => [jumpMs / HOUR_MS, era, jumpMs] as const),
  ),
)(
  'F49: when the clock is set by %i h, clients of the %s era go on, and an open circuit is neither shorter nor longer',
  async (_hours, era, jumpMs) => {
    await using well = await startReplica(era, 'well')
    await using ill = await startReplica(era, 'ill')
    await using open = openProxy({
      era: { legacy: era === 'legacy', modern: era === 'modern' },
      breaker: { failureThreshold: 1, openMs: OPEN_MS, maxOpenMs: OPEN_MS },
      timeouts: { sessionMs: SESSION_MS },
    })
    open.register(registered(well.url), registered(ill.url, { slug: 'ill' }))
    const ask = await client(open, era)
    const sent: string[] = []
    const pay = async (): Promise<void> => {
      const nonce = randomUUID()
      sent.push(nonce)
      expect(await ask('tools/call', { name: 'pay', arguments: { nonce } })).toMatchObject({
        result: { content: [{ text: nonce }] },
      })
    }
    await pay()
    const [target] = open.routes.lookup('default', 'ill')?.targets ?? []
    if (target === undefined) throw new Error('there is no endpoint')
    const { breaker } = open.upstreams.endpoint(target)
    breaker.record('failure')
    expect(breaker.state).toBe('open')

    vi.setSystemTime(Date.now() + jumpMs)
    expect(breaker.state).toBe('open')
    expect(breaker.retryAfterMs).toBeGreaterThan(0)
    // With a fifth up or down.
    expect(breaker.retryAfterMs).toBeLessThanOrEqual(OPEN_MS * 1.2)
    await pay()
    // Whoever comes now is let in, and stays in when the clock is set right again.
    const later = await client(open, era)
    expect(await later('tools/list')).toMatchObject({ result: {} })
    vi.setSystemTime(Date.now() - jumpMs)
    await pay()
    expect(await later('tools/list')).toMatchObject({ result: {} })
    await expect.poll(() => breaker.state, { timeout: 5000 }).toBe('half-open')
    expect(well.executions).toEqual(sent)
  },
)

test('F49: a rate limit that a server has set lasts as long as it said, whatever the clock says', async () => {
  await using paced = await startReplica('modern')
  await using open = openProxy({ era: { legacy: false, modern: true } })
  open.register(registered(paced.url))
  paced.be((_request, response) => response.writeHead(429, { 'retry-after': '1' }).end())
  const ask = await client(open, 'modern')
  await ask('tools/list')
  const asked = paced.asked('tools/list')
  for (const jumpMs of [DAY_MS, -DAY_MS]) {
    vi.setSystemTime(Date.now() + jumpMs)
    const { data } = errorOf(await ask('tools/list'))
    expect(data['reason']).toBe('rate_limited')
    expect(data['retryAfterMs']).toBeLessThanOrEqual(1000)
  }
  expect(paced.asked('tools/list')).toBe(asked)
})
