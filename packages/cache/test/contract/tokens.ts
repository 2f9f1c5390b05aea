import { describe, expect, test } from 'vitest'

import type { OpenCache } from './open-cache.ts'

/** So slow that nothing comes in while a test runs. */
const HARDLY = 0.001

/** Buckets of tokens. */
export const describeTokens = (open: OpenCache): void => {
  describe('gives tokens', () => {
    test('as many as a full bucket has, and then none', async () => {
      await using opened = await open()
      const { cache } = opened
      const bucket = { perSecond: HARDLY, burst: 10 }
      expect(await cache.takeTokens('a', { ...bucket, amount: 4 })).toEqual({ granted: 4, retryAfterMs: 0 })
      expect((await cache.takeTokens('a', { ...bucket, amount: 20 }))?.granted).toBe(6)
      const empty = await cache.takeTokens('a', { ...bucket, amount: 1 })
      expect(empty?.granted).toBe(0)
      expect(empty?.retryAfterMs).toBeGreaterThan(500_000)
      expect((await cache.takeTokens('b', { ...bucket, amount: 1 }))?.granted).toBe(1)
    })

    test('that come in by themselves, and no more than it holds', async () => {
      await using opened = await open()
      const bucket = { perSecond: 10_000, burst: 3, amount: 3 }
      for (let round = 0; round < 3; round += 1) {
        expect((await opened.cache.takeTokens('a', bucket))?.granted).toBe(3)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      expect((await opened.cache.takeTokens('a', { ...bucket, amount: 100 }))?.granted).toBe(3)
    })

    test('to many who ask at once, and no more than there are', async () => {
      await using opened = await open()
      const bucket = { perSecond: HARDLY, burst: 50, amount: 3 }
      const grants = await Promise.all(Array.from({ length: 40 }, () => opened.cache.takeTokens('a', bucket)))
      expect(grants.reduce((sum, grant) => sum + (grant?.granted ?? 0), 0)).toBe(50)
    })

    test('and refuses numbers that make no sense', async () => {
      await using opened = await open()
      for (const wrong of [
        { amount: 0 },
        { amount: 1.5 },
        { burst: 0 },
        { perSecond: 0 },
        { perSecond: NaN },
      ])
        await expect(
          opened.cache.takeTokens('a', { amount: 1, burst: 1, perSecond: 1, ...wrong }),
        ).rejects.toThrow(RangeError)
    })
  })
}
