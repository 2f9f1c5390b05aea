import { setTimeout as sleep } from 'node:timers/promises'

import { waitUntil } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import { type Cache, CacheLoadTimeoutError } from '../../src/index.ts'
import { bytes, MINUTE, never, type OpenCache, text } from './open-cache.ts'

const throwAtOnce = (): Promise<Uint8Array> => {
  throw new Error('at once')
}

/** The store's clock is what counts: it may have begun to count late. */
const untilPast = (cache: Cache): Promise<boolean> =>
  waitUntil('the end of its time', async () => (await cache.get('key')) === undefined)

export const describeLoads = (open: OpenCache): void => {
  describe('loading', () => {
    it('happens once for all who ask meanwhile, and not while the value is good', async () => {
      await using opened = await open()
      const { cache } = opened
      let loads = 0
      const load = async (): Promise<Uint8Array> => {
        loads += 1
        await sleep(20)
        return bytes(`load ${loads}`)
      }
      const all = await Promise.all(
        Array.from({ length: 50 }, () => cache.getOrLoad('key', load, { ttlMs: MINUTE })),
      )
      expect(new Set(all.map((value) => text(value)))).toEqual(new Set(['load 1']))
      expect(text(await cache.getOrLoad('key', never, { ttlMs: MINUTE }))).toBe('load 1')
      expect(text(await cache.get('key'))).toBe('load 1')
      expect(cache.stats()).toMatchObject({ loads: 1, writes: 1, loading: 0 })
    })

    it('of different keys does not wait for each other', async () => {
      await using opened = await open()
      const { cache } = opened
      const slow = Promise.withResolvers<Uint8Array>()
      const first = cache.getOrLoad('slow', () => slow.promise, { ttlMs: MINUTE })
      expect(text(await cache.getOrLoad('fast', async () => bytes('fast'), { ttlMs: MINUTE }))).toBe('fast')
      slow.resolve(bytes('slow'))
      expect(text(await first)).toBe('slow')
    })

    it('that fails is told to all who waited, and tried again by the next', async () => {
      await using opened = await open()
      const { cache } = opened
      const failure = new Error('broken')
      const fail = async (): Promise<Uint8Array> => {
        await sleep(10)
        throw failure
      }
      const all = await Promise.allSettled(
        [1, 2, 3].map(() => cache.getOrLoad('key', fail, { ttlMs: MINUTE })),
      )
      expect(all).toEqual([1, 2, 3].map(() => ({ status: 'rejected', reason: failure })))
      expect(text(await cache.getOrLoad('key', async () => bytes('mended'), { ttlMs: MINUTE }))).toBe(
        'mended',
      )
      expect(cache.stats()).toMatchObject({ loads: 2, loadFailures: 1, loading: 0 })
    })

    it('that throws at once is a failure like any other', async () => {
      await using opened = await open()
      await expect(opened.cache.getOrLoad('key', throwAtOnce, { ttlMs: MINUTE })).rejects.toThrow('at once')
    })

    it('has an end: its signal is aborted, and a late value is not kept', async () => {
      await using opened = await open()
      const { cache } = opened
      const signals: AbortSignal[] = []
      const load = async (signal: AbortSignal): Promise<Uint8Array> => {
        signals.push(signal)
        await sleep(200)
        return bytes('late')
      }
      const failure = await cache
        .getOrLoad('key', load, { ttlMs: MINUTE, timeoutMs: 20 })
        .catch((e: unknown) => e)
      expect(CacheLoadTimeoutError.is(failure)).toBe(true)
      expect(failure).toMatchObject({ code: 'ERR_CACHE_LOAD_TIMEOUT', timeoutMs: 20 })
      expect(signals.map(({ aborted, reason }) => [aborted, reason])).toEqual([[true, failure]])
      await sleep(250)
      expect(await cache.get('key')).toBeUndefined()
    })

    it('goes on for the others when one who asked gives up', async () => {
      await using opened = await open()
      const { cache } = opened
      const slow = Promise.withResolvers<Uint8Array>()
      const giveUp = new AbortController()
      const load = (): Promise<Uint8Array> => slow.promise
      const first = cache.getOrLoad('key', load, { ttlMs: MINUTE, signal: giveUp.signal })
      const second = cache.getOrLoad('key', never, { ttlMs: MINUTE })
      const reason = new Error('enough')
      giveUp.abort(reason)
      await expect(first).rejects.toBe(reason)
      slow.resolve(bytes('value'))
      expect(text(await second)).toBe('value')
      await expect(cache.getOrLoad('key', never, { ttlMs: MINUTE, signal: giveUp.signal })).rejects.toBe(
        reason,
      )
    })

    it.each(['set', 'delete'] as const)('is not kept when its key is %s meanwhile', async (change) => {
      await using opened = await open()
      const { cache } = opened
      const started = Promise.withResolvers<void>()
      const slow = Promise.withResolvers<Uint8Array>()
      const load = (): Promise<Uint8Array> => {
        started.resolve()
        return slow.promise
      }
      const loading = cache.getOrLoad('key', load, { ttlMs: MINUTE })
      await started.promise
      if (change === 'set') await cache.set('key', bytes('set'), { ttlMs: MINUTE })
      else await cache.delete('key')
      slow.resolve(bytes('loaded'))
      expect(text(await loading)).toBe('loaded')
      expect(text(await cache.get('key'))).toBe(change === 'set' ? 'set' : undefined)
    })
  })

  describe('closing', () => {
    it('ends loads that are under way, and none begins after it', async () => {
      const { cache } = await open()
      const signals: AbortSignal[] = []
      const hang = (signal: AbortSignal): Promise<Uint8Array> => {
        signals.push(signal)
        return new Promise(() => {})
      }
      const failure = cache.getOrLoad('key', hang, { ttlMs: MINUTE }).catch((error: unknown) => error)
      await waitUntil('the load', () => signals.length === 1)
      await cache[Symbol.asyncDispose]()
      expect(await failure).toMatchObject({ message: 'the cache was closed' })
      expect(signals[0]?.aborted).toBe(true)
      await expect(cache.getOrLoad('other', hang, { ttlMs: MINUTE })).rejects.toThrow('the cache was closed')
      expect(signals).toHaveLength(1)
    })
  })

  describe('values past their time', () => {
    const stale = { ttlMs: 20, staleWhileRevalidateMs: MINUTE }

    it('are given at once while one load renews them', async () => {
      await using opened = await open()
      const { cache } = opened
      await cache.getOrLoad('key', async () => bytes('old'), stale)
      await untilPast(cache)
      const slow = Promise.withResolvers<Uint8Array>()
      let loads = 0
      const load = (): Promise<Uint8Array> => {
        loads += 1
        return slow.promise
      }
      const options = { ...stale, ttlMs: MINUTE }
      for (let ask = 0; ask < 3; ask += 1)
        expect(text(await cache.getOrLoad('key', load, options))).toBe('old')
      expect(loads).toBe(1)
      expect(cache.stats()).toMatchObject({ staleHits: 3, loading: 1 })
      slow.resolve(bytes('new'))
      await waitUntil('the new value', async () => text(await cache.get('key')) === 'new')
      expect(text(await cache.getOrLoad('key', never, options))).toBe('new')
    })

    it('stay when their renewal fails, which is reported', async () => {
      await using opened = await open()
      const { cache } = opened
      await cache.getOrLoad('key', async () => bytes('old'), stale)
      await untilPast(cache)
      expect(text(await cache.getOrLoad('key', never, stale))).toBe('old')
      await waitUntil('the report', () => opened.background.length > 0)
      expect(opened.background).toMatchObject([
        { source: 'revalidate', error: { message: 'nobody should load' } },
      ])
      expect(text(await cache.getOrLoad('key', async () => bytes('new'), stale))).toBe('old')
    })

    it('are given when loading fails, only then, and only as long as was said', async () => {
      await using opened = await open()
      const { cache } = opened
      const rescue = { ttlMs: 20, staleIfErrorMs: MINUTE }
      await cache.getOrLoad('key', async () => bytes('old'), rescue)
      await untilPast(cache)
      expect(text(await cache.getOrLoad('key', never, rescue))).toBe('old')
      await expect(cache.getOrLoad('key', never, { ttlMs: 20, staleIfErrorMs: 1 })).rejects.toThrow('nobody')
      expect(text(await cache.getOrLoad('key', async () => bytes('new'), rescue))).toBe('new')
    })

    it('are not given once they were invalidated or replaced', async () => {
      await using opened = await open()
      const { cache } = opened
      const tagged = { ...stale, tags: ['a'], staleIfErrorMs: MINUTE }
      await cache.getOrLoad('key', async () => bytes('old'), tagged)
      await untilPast(cache)
      await cache.invalidateTag('a')
      await expect(cache.getOrLoad('key', never, tagged)).rejects.toThrow('nobody')
    })

    it('go in the end', async () => {
      await using opened = await open()
      const { cache } = opened
      const brief = { ttlMs: 10, staleIfErrorMs: 20 }
      await cache.getOrLoad('key', async () => bytes('old'), brief)
      const failure = await waitUntil('the end', () =>
        cache.getOrLoad('key', never, { ...brief, staleIfErrorMs: MINUTE }).then(
          () => undefined,
          (error: unknown) => error,
        ),
      )
      expect(failure).toMatchObject({ message: 'nobody should load' })
    })
  })
}
