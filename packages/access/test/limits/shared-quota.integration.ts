import { createRedisCache } from '@mreg/cache/redis'
import { describe, expect, test } from 'vitest'

import { leaseOf, RateLimiter } from '../../src/index.ts'

const url = process.env['MREG_TEST_REDIS_URL'] ?? ''
const prefix = process.env['MREG_TEST_REDIS_PREFIX'] ?? ''

describe('a quota that two gateways share in Redis', () => {
  test('S36 is kept by both together, but for one lease each', async () => {
    await using resources = new AsyncDisposableStack()
    const rate = { perSecond: 100, burst: 200 }
    const gateways = [0, 1].map(() => {
      const shared = resources.use(createRedisCache({ url, keyPrefix: `${prefix}quota:` }))
      const figures = { granted: 0, refused: 0, away: 0 }
      return { figures, limiter: new RateLimiter({ name: 'tenant', rate, shared, figures }) }
    })
    const begun = performance.now()
    let through = 0
    let refused = 0
    while (performance.now() - begun < 1000) {
      for (const { limiter } of gateways) {
        if (limiter.take('acme') === 0) through += 1
        else refused += 1
      }
      await new Promise((resolve) => void setImmediate(resolve))
    }
    const seconds = (performance.now() - begun) / 1000
    const allowed = rate.burst + rate.perSecond * seconds
    expect(through).toBeLessThanOrEqual(allowed + gateways.length * leaseOf(rate))
    expect(through).toBeGreaterThan(rate.burst)
    expect(refused).toBeGreaterThan(0)
    for (const { figures } of gateways) {
      expect(figures.away).toBe(0)
      expect(figures.granted).toBeGreaterThan(0)
      expect(figures.granted + figures.refused).toBeLessThan(through)
    }
  })
})
