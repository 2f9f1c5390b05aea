import { waitUntil } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import { MAXIMUM_TTL_MS } from '../../src/index.ts'
import { bytes, MINUTE, never, type OpenCache, text } from './open-cache.ts'

export const describeValues = (open: OpenCache): void => {
  describe('values', () => {
    it('come back as the bytes that were set, also none and all of them', async () => {
      await using opened = await open()
      const { cache } = opened
      const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      expect(await cache.set('all', all, { ttlMs: MINUTE })).toBe(true)
      expect(await cache.set('none', new Uint8Array(0), { ttlMs: MINUTE })).toBe(true)
      expect(await cache.get('all')).toEqual(all)
      expect(await cache.get('none')).toEqual(new Uint8Array(0))
      expect((await cache.get('all'))?.constructor).toBe(Uint8Array)
    })

    it('are what they were when they were set, whatever becomes of the buffer', async () => {
      await using opened = await open()
      const { cache } = opened
      for (const options of [{ ttlMs: MINUTE }, { ttlMs: MINUTE, tags: ['a tag'] }]) {
        const buffer = bytes('before')
        const setting = cache.set('key', buffer, options)
        if (options.tags !== undefined) buffer.fill(0)
        await setting
        buffer.fill(0)
        expect(text(await cache.get('key'))).toBe('before')
      }
    })

    it('replace each other, and go when they are deleted', async () => {
      await using opened = await open()
      const { cache } = opened
      await cache.set('key', bytes('one'), { ttlMs: MINUTE, tags: ['a'] })
      await cache.set('key', bytes('two'), { ttlMs: MINUTE })
      await cache.invalidateTag('a')
      expect(text(await cache.get('key'))).toBe('two')
      expect(await cache.delete('key')).toBe(true)
      expect(await cache.delete('key')).toBe(true)
      expect(await cache.get('key')).toBeUndefined()
      expect(await cache.lookup('key')).toEqual({ kind: 'miss' })
    })

    it('go when their time is over, and not before', async () => {
      await using opened = await open()
      const { cache } = opened
      await cache.set('short', bytes('1'), { ttlMs: 50.5 })
      await cache.set('long', bytes('2'), { ttlMs: MAXIMUM_TTL_MS })
      expect(await cache.lookup('short')).toEqual({ kind: 'hit', value: bytes('1') })
      await waitUntil('the end of its time', async () => (await cache.get('short')) === undefined)
      expect(text(await cache.get('long'))).toBe('2')
    })

    it('of odd keys do not meet', async () => {
      await using opened = await open()
      const { cache } = opened
      const keys = ['a', 'A', 'a:b', 'a*', 'ä', ' ', '\0', '\n', 'x'.repeat(512), '__proto__', 'e:a', 't:a']
      for (const key of keys) await cache.set(key, bytes(`of ${key}`), { ttlMs: MINUTE })
      for (const key of keys) expect(text(await cache.get(key))).toBe(`of ${key}`)
    })

    it('that are too large are dropped, with what was there before', async () => {
      await using opened = await open({ maxValueBytes: 10 })
      const { cache } = opened
      expect(await cache.set('key', new Uint8Array(10), { ttlMs: MINUTE })).toBe(true)
      expect(await cache.set('key', new Uint8Array(11), { ttlMs: MINUTE })).toBe(false)
      expect(await cache.get('key')).toBeUndefined()
      const loaded = await cache.getOrLoad('other', async () => new Uint8Array(11), { ttlMs: MINUTE })
      expect(loaded.byteLength).toBe(11)
      expect(await cache.get('other')).toBeUndefined()
      expect(cache.stats()).toMatchObject({ writes: 1, droppedWrites: 2 })
    })

    it('are counted', async () => {
      await using opened = await open()
      const { cache } = opened
      await cache.get('key')
      await cache.set('key', bytes('1'), { ttlMs: MINUTE })
      await cache.get('key')
      await cache.lookup('key')
      expect(cache.stats()).toMatchObject({
        connected: true,
        hits: 2,
        misses: 1,
        writes: 1,
        droppedWrites: 0,
        loading: 0,
      })
    })

    it('need keys and times that make sense', async () => {
      await using opened = await open()
      const { cache } = opened
      for (const key of ['', 'x'.repeat(513)]) {
        await expect(cache.get(key)).rejects.toThrow(RangeError)
        await expect(cache.delete(key)).rejects.toThrow(RangeError)
        await expect(cache.invalidateTag(key)).rejects.toThrow(RangeError)
        await expect(cache.publish(key, '')).rejects.toThrow(RangeError)
        await expect(cache.subscribe(key, () => {})).rejects.toThrow(RangeError)
      }
      for (const ttlMs of [0, -1, Number.NaN, MAXIMUM_TTL_MS + 1, Number.POSITIVE_INFINITY]) {
        await expect(cache.set('key', bytes('1'), { ttlMs })).rejects.toThrow(RangeError)
        await expect(cache.getOrLoad('key', never, { ttlMs })).rejects.toThrow(RangeError)
      }
      for (const wrong of [
        { tags: [''] },
        { tags: Array.from({ length: 17 }, String) },
        { timeoutMs: 0 },
        { staleIfErrorMs: -1 },
        { staleWhileRevalidateMs: Number.NaN },
      ]) {
        await expect(cache.getOrLoad('key', never, { ttlMs: 1, ...wrong })).rejects.toThrow(RangeError)
      }
      expect(cache.stats()).toMatchObject({ misses: 0, loads: 0, droppedWrites: 0 })
    })

    it('are gone from a cache that is closed, which answers all the same', async () => {
      const { cache } = await open()
      await cache.set('key', bytes('1'), { ttlMs: MINUTE })
      await cache[Symbol.asyncDispose]()
      await cache[Symbol.asyncDispose]()
      expect(await cache.lookup('key')).toEqual({ kind: 'unknown' })
      expect(await cache.set('key', bytes('1'), { ttlMs: MINUTE })).toBe(false)
      expect(await cache.delete('key')).toBe(false)
      expect(await cache.invalidateTag('tag')).toBe(false)
      expect(await cache.publish('channel', 'message')).toBe(false)
      const subscription = await cache.subscribe('channel', () => {})
      await subscription[Symbol.asyncDispose]()
    })
  })
}
