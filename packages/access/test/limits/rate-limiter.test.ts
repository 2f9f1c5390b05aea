import { describe, expect, test } from 'vitest'

import { FairShare, leaseOf, RateLimiter, type SharedTokens } from '../../src/index.ts'

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

/** How many of `count` requests get through. */
const taken = (limiter: RateLimiter, subject: string, count: number): number => {
  let through = 0
  for (let index = 0; index < count; index += 1) if (limiter.take(subject) === 0) through += 1
  return through
}

describe('a limit of one process', () => {
  test('lets a burst through, then what comes in, and says when to come back', () => {
    let at = 0
    const limiter = new RateLimiter({ name: 'test', rate: { perSecond: 10, burst: 5 }, now: () => at })
    expect(taken(limiter, 'a', 9)).toBe(5)
    expect(limiter.take('a')).toBe(100)
    at += 90
    expect(limiter.take('a')).toBeGreaterThan(0)
    at += 11
    expect(limiter.take('a')).toBe(0)
    at += 3_600_000
    expect(taken(limiter, 'a', 9)).toBe(5)
  })

  test('counts each subject by itself', () => {
    const limiter = new RateLimiter({ name: 'test', rate: { perSecond: 1, burst: 3 }, now: () => 0 })
    expect([taken(limiter, 'a', 9), taken(limiter, 'b', 9)]).toEqual([3, 3])
  })

  test('is not moved by a clock that goes back', () => {
    let at = 10_000
    const limiter = new RateLimiter({ name: 'test', rate: { perSecond: 10, burst: 2 }, now: () => at })
    expect(taken(limiter, 'a', 5)).toBe(2)
    at = 0
    expect(taken(limiter, 'a', 5)).toBe(0)
  })
})

describe('a limit that processes share', () => {
  const rate = { perSecond: 1, burst: 100 }

  test('asks behind the requests, for a lease at a time, and never for each request', async () => {
    const asked: number[] = []
    let left = 100
    const shared: SharedTokens = {
      takeTokens: async (_key, { amount }) => {
        asked.push(amount)
        const granted = Math.min(amount, left)
        left -= granted
        return { granted, retryAfterMs: left === 0 ? 1000 : 0 }
      },
    }
    const limiter = new RateLimiter({ name: 'test', rate, shared, now: () => 0 })
    let through = 0
    for (let round = 0; round < 400; round += 1) {
      if (limiter.take('a') === 0) through += 1
      await settled()
    }
    expect(through).toBe(100 + leaseOf(rate))
    expect(asked.length).toBeLessThan(20)
    expect(limiter.take('a')).toBeGreaterThanOrEqual(1000)
  })

  test('goes by itself while the others cannot be asked, and with them again afterwards', async () => {
    let at = 0
    const grants: (number | undefined)[] = []
    const figures = { granted: 0, refused: 0, away: 0 }
    const shared: SharedTokens = {
      takeTokens: async () => {
        const granted = grants.shift()
        return granted === undefined ? undefined : { granted, retryAfterMs: 5000 }
      },
    }
    const limiter = new RateLimiter({
      name: 'test',
      rate: { perSecond: 100, burst: 20 },
      shared,
      figures,
      now: () => at,
    })
    expect(taken(limiter, 'a', 50)).toBe(20)
    await settled()
    at += 100
    expect(taken(limiter, 'a', 50)).toBe(10)
    expect(figures).toEqual({ granted: 0, refused: 0, away: 1 })
    grants.push(0)
    at += 1000
    limiter.take('a')
    await settled()
    expect(figures.refused).toBe(1)
    // What it had by itself is spent; nothing more comes in but by leases.
    taken(limiter, 'a', 50)
    at += 900
    expect(taken(limiter, 'a', 50)).toBe(0)
  })
})

describe('places that are shared fairly', () => {
  const alice = { tenantId: 'one', principalId: 'alice' }
  const bob = { tenantId: 'one', principalId: 'bob' }
  const carol = { tenantId: 'two', principalId: 'carol' }

  test('leave room for other tenants, and for other principals of a tenant', () => {
    const places = new FairShare(100)
    const fill = (party: typeof alice): number => {
      let count = 0
      while (places.enter(party)) count += 1
      return count
    }
    const first = fill(alice)
    expect(first).toBeGreaterThan(50)
    expect(fill(bob)).toBeGreaterThanOrEqual(10)
    expect(fill(carol)).toBeGreaterThanOrEqual(10)
    expect(places.used).toBeLessThanOrEqual(100)
    for (let index = 0; index < first; index += 1) places.leave(alice)
    expect(fill(carol)).toBeGreaterThanOrEqual(20)
  })

  test('are given to whoever comes when there is but one', () => {
    const places = new FairShare(1)
    expect([places.enter(alice), places.enter(carol)]).toEqual([true, false])
    places.leave(alice)
    expect(places.enter(carol)).toBe(true)
  })
})
