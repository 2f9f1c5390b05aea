import { describe, expect, it } from 'vitest'

import { createMemoryCache } from '../src/index.ts'
import { describeCache } from './contract/cache-contract.ts'
import { bytes, MINUTE, never, type OpenedCache, text } from './contract/open-cache.ts'

describeCache('in process', async (options = {}): Promise<OpenedCache> => {
  const background: OpenedCache['background'][number][] = []
  const cache = createMemoryCache({
    ...options,
    onBackgroundError: (error, source) => background.push({ error, source }),
  })
  return { cache, background, [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose]() }
})

describe('the cache in process', () => {
  it('keeps at most so many entries; the one used least recently goes first', async () => {
    await using cache = createMemoryCache({ maxEntries: 3 })
    for (const key of ['a', 'b', 'c']) await cache.set(key, bytes(key), { ttlMs: MINUTE })
    await cache.get('a')
    await cache.set('d', bytes('d'), { ttlMs: MINUTE })
    const values = await Promise.all(['a', 'b', 'c', 'd'].map((key) => cache.get(key)))
    expect(values.map((value) => text(value))).toEqual(['a', undefined, 'c', 'd'])
    expect(cache.stats()).toMatchObject({ kind: 'memory', connected: true, entries: 3 })
  })

  it('keeps at most so many bytes, counting what an entry costs beside its value', async () => {
    await using cache = createMemoryCache({ maxBytes: 10_000 })
    for (let index = 0; index < 100; index += 1) {
      await cache.set(`key ${index}`, new Uint8Array(1000), { ttlMs: MINUTE })
    }
    const stats = cache.stats()
    expect(stats).toMatchObject({ entries: 8 })
    expect('bytes' in stats && stats.bytes).toBeGreaterThan(9000)
    expect('bytes' in stats && stats.bytes).toBeLessThanOrEqual(10_000)
    for (let index = 0; index < 1000; index += 1) {
      await cache.set(`empty ${index}`, new Uint8Array(0), { ttlMs: MINUTE })
    }
    expect(cache.stats()).toMatchObject({ entries: expect.toSatisfy((entries: number) => entries < 50) })
  })

  it('drops what would need all of it and more', async () => {
    await using cache = createMemoryCache({ maxBytes: 1000 })
    expect(await cache.set('key', new Uint8Array(1000), { ttlMs: MINUTE })).toBe(false)
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0, droppedWrites: 1 })
  })

  it('counts time by its clock, to the millisecond', async () => {
    let now = 0
    await using cache = createMemoryCache({ now: () => now })
    await cache.getOrLoad('key', async () => bytes('loaded'), { ttlMs: 100, staleIfErrorMs: 50 })
    now = 99
    expect(text(await cache.get('key'))).toBe('loaded')
    now = 100
    expect(await cache.get('key')).toBeUndefined()
    now = 149
    expect(text(await cache.getOrLoad('key', never, { ttlMs: 100, staleIfErrorMs: 50 }))).toBe('loaded')
    now = 150
    await expect(cache.getOrLoad('key', never, { ttlMs: 100, staleIfErrorMs: 50 })).rejects.toThrow('nobody')
  })

  it('forgets what is under a tag that it had to forget', async () => {
    await using cache = createMemoryCache({ maxEntries: 2 })
    await cache.set('key', bytes('1'), { ttlMs: MINUTE, tags: ['a'] })
    await cache.invalidateTag('b')
    await cache.invalidateTag('c')
    expect(await cache.get('key')).toBeUndefined()
  })

  it.each(['maxEntries', 'maxBytes', 'maxValueBytes'])('refuses to have no %s', (name) => {
    expect(() => createMemoryCache({ [name]: 0 })).toThrow(`${name} is 0`)
  })
})
