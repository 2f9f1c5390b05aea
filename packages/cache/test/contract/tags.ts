import { describe, expect, it } from 'vitest'

import { bytes, MINUTE, type OpenCache, text } from './open-cache.ts'

export const describeTags = (open: OpenCache): void => {
  describe('tags', () => {
    it('take everything under them along, and nothing else', async () => {
      await using opened = await open()
      const { cache } = opened
      await cache.set('one', bytes('1'), { ttlMs: MINUTE, tags: ['a'] })
      await cache.set('two', bytes('2'), { ttlMs: MINUTE, tags: ['b', 'a'] })
      await cache.set('three', bytes('3'), { ttlMs: MINUTE, tags: ['b'] })
      await cache.set('a', bytes('4'), { ttlMs: MINUTE })
      expect(text(await cache.get('two'))).toBe('2')
      expect(await cache.invalidateTag('a')).toBe(true)
      const values = await Promise.all(['one', 'two', 'three', 'a'].map((key) => cache.get(key)))
      expect(values.map((value) => text(value))).toEqual([undefined, undefined, '3', '4'])
    })

    it('may be used again after they were invalidated', async () => {
      await using opened = await open()
      const { cache } = opened
      for (let round = 0; round < 3; round += 1) {
        await cache.invalidateTag('a')
        await cache.set('key', bytes(String(round)), { ttlMs: MINUTE, tags: ['a'] })
        expect(text(await cache.get('key'))).toBe(String(round))
      }
    })

    it('that are invalidated while a value is loaded keep it out', async () => {
      await using opened = await open()
      const { cache } = opened
      const options = { ttlMs: MINUTE, tags: ['a'] }
      const started = Promise.withResolvers<void>()
      const slow = Promise.withResolvers<Uint8Array>()
      const first = cache.getOrLoad(
        'key',
        () => {
          started.resolve()
          return slow.promise
        },
        options,
      )
      await started.promise
      await cache.invalidateTag('a')
      // Who comes after the invalidation does not get what was loaded before it.
      const second = cache.getOrLoad('key', async () => bytes('new'), options)
      expect(text(await second)).toBe('new')
      slow.resolve(bytes('old'))
      expect(text(await first)).toBe('old')
      expect(text(await cache.get('key'))).toBe('new')
    })
  })
}
