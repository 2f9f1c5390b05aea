import { randomUUID } from 'node:crypto'

import { freePort, startFaultProxy, waitUntil } from '@mreg/testing'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { Cache, RedisCacheStats } from '../src/index.ts'
import { createRedisCache } from '../src/redis.ts'
import { LocalCopies } from '../src/redis/local-copies.ts'
import { describeCache } from './contract/cache-contract.ts'
import { bytes, MINUTE, never, type OpenedCache, text } from './contract/open-cache.ts'
import { startOwnRedis } from './redis/own-redis.ts'

const url = process.env['MREG_TEST_REDIS_URL'] ?? ''
const runPrefix = process.env['MREG_TEST_REDIS_PREFIX'] ?? ''
const newPrefix = (): string => `${runPrefix}cache:${randomUUID()}:`

describeCache('on Redis with copies in this process', async (options = {}): Promise<OpenedCache> => {
  const background: OpenedCache['background'][number][] = []
  const cache = createRedisCache({
    url,
    keyPrefix: newPrefix(),
    clientSideCache: {},
    ...options,
    commandTimeoutMs: 2000,
    onBackgroundError: (error, source) => background.push({ error, source }),
  })
  return { cache, background, [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose]() }
})

const open = (keyPrefix: string, at = url): Cache =>
  createRedisCache({
    url: at,
    keyPrefix,
    clientSideCache: {},
    commandTimeoutMs: 2000,
    maxReconnectDelayMs: 100,
    heartbeatMs: 3_600_000,
  })

const statsOf = (cache: Cache): RedisCacheStats => {
  const stats = cache.stats()
  if (stats.kind !== 'redis') throw new Error('it is none of Redis')
  return stats
}

const untilLocal = (cache: Cache, key: string): Promise<boolean> =>
  waitUntil(`a copy of ${key}`, async () => {
    const { localHits } = statsOf(cache)
    await cache.get(key)
    return statsOf(cache).localHits > localHits
  })

describe('copies in this process', () => {
  const client = createClient({ url })
  beforeAll(async () => {
    await client.connect()
  })
  afterAll(() => client.destroy())

  it('answer without a round trip, tags and values past their time included', async () => {
    const prefix = newPrefix()
    await using cache = open(prefix)
    const options = { ttlMs: 1, staleWhileRevalidateMs: MINUTE, tags: ['a', 'b'] }
    await cache.getOrLoad('key', async () => bytes('old'), options)
    await waitUntil('the write', () => cache.stats().writes === 1)
    await cache.set('plain', bytes('plain'), { ttlMs: MINUTE })
    await untilLocal(cache, 'plain')
    await untilLocal(cache, 'key')
    // Nobody can answer any more; the connection has not noticed.
    await using redis = await startOwnRedis()
    await using frozen = open(prefix, redis.url)
    await frozen.set('plain', bytes('plain'), { ttlMs: MINUTE, tags: ['a'] })
    await untilLocal(frozen, 'plain')
    redis.freeze()
    const before = statsOf(frozen)
    for (let round = 0; round < 10; round += 1) expect(text(await frozen.get('plain'))).toBe('plain')
    const after = statsOf(frozen)
    expect(after.localHits - before.localHits).toBe(10)
    expect(after).toMatchObject({ hits: before.hits + 10, timeouts: 0, localEntries: 1 })
    redis.thaw()
    // Past its time, and still without a round trip.
    const stale = statsOf(cache)
    expect(text(await cache.getOrLoad('key', never, options))).toBe('old')
    expect(statsOf(cache).localHits).toBe(stale.localHits + 1)
  })

  it('go when another process sets, deletes or invalidates by tag, and when it flushes everything', async () => {
    await using redis = await startOwnRedis()
    await using one = open('', redis.url)
    await using two = open('', redis.url)
    await one.set('key', bytes('1'), { ttlMs: MINUTE, tags: ['a'] })
    await untilLocal(two, 'key')
    await one.set('key', bytes('2'), { ttlMs: MINUTE, tags: ['a'] })
    await waitUntil('the new value', async () => text(await two.get('key')) === '2')
    await untilLocal(two, 'key')
    await one.invalidateTag('a')
    await waitUntil('the invalidation', async () => (await two.get('key')) === undefined)
    await one.set('key', bytes('3'), { ttlMs: MINUTE, tags: ['a'] })
    await untilLocal(two, 'key')
    await one.delete('key')
    await waitUntil('the deletion', async () => (await two.get('key')) === undefined)
    await one.set('key', bytes('4'), { ttlMs: MINUTE })
    await untilLocal(two, 'key')
    await redis.run('FLUSHALL')
    await waitUntil('the end of everything', async () => (await two.get('key')) === undefined)
    expect(statsOf(two)).toMatchObject({ localEntries: 0, connections: 1 })
  })

  it('never outlive a change that this process made itself', async () => {
    await using cache = open(newPrefix())
    for (let round = 0; round < 50; round += 1) {
      await cache.set('key', bytes(`${round}`), { ttlMs: MINUTE, tags: ['a'] })
      await Promise.all([cache.get('key'), cache.get('key')])
      const reading = cache.get('key')
      if (round % 2 === 0) await cache.invalidateTag('a')
      else await cache.delete('key')
      expect(await cache.get('key')).toBeUndefined()
      await reading
    }
  })

  it('end in the latest value however reads and changes of two processes meet', async () => {
    const prefix = newPrefix()
    await using one = open(prefix)
    await using two = open(prefix)
    for (let round = 0; round < 100; round += 1) {
      // The change may fall before, between and after what a read asks and keeps.
      const reads = Array.from({ length: 5 }, () => two.get('key'))
      const change = one.set('key', bytes(`${round}`), { ttlMs: MINUTE, tags: ['a'] })
      reads.push(two.get('key'))
      await Promise.all([change, ...reads])
      await waitUntil('the latest', async () => text(await two.get('key')) === `${round}`)
    }
    expect(statsOf(two)).toMatchObject({ connections: 1, failures: 0, localEntries: 1 })
  })

  it('end with their time, by the clock of Redis', async () => {
    await using cache = open(newPrefix())
    await cache.set('key', bytes('1'), { ttlMs: 300 })
    await cache.get('key')
    await waitUntil('the end of its time', async () => (await cache.get('key')) === undefined)
    expect(statsOf(cache)).toMatchObject({ localEntries: 0 })
  })

  it('are all given up with the connection', async () => {
    await using redis = await startOwnRedis()
    await using proxy = await startFaultProxy({ port: redis.port })
    await using cache = open('', `redis://127.0.0.1:${proxy.port}`)
    await waitUntil('the connection', () => cache.stats().connected)
    await cache.set('key', bytes('before'), { ttlMs: MINUTE })
    await untilLocal(cache, 'key')
    await redis.kill()
    await waitUntil('the loss', () => !cache.stats().connected)
    expect(await cache.lookup('key')).toEqual({ kind: 'unknown' })
    expect(statsOf(cache)).toMatchObject({ localEntries: 0, localBytes: 0 })
    await redis.start()
    await waitUntil('the connection', () => cache.stats().connected)
    expect(await cache.lookup('key')).toEqual({ kind: 'miss' })
    await cache.set('key', bytes('after'), { ttlMs: MINUTE })
    await untilLocal(cache, 'key')
    expect(text(await cache.get('key'))).toBe('after')
  })

  it('are given up with a server that froze, once that is noticed', async () => {
    await using redis = await startOwnRedis()
    await using cache = createRedisCache({
      url: redis.url,
      clientSideCache: {},
      heartbeatMs: 20,
      maxReconnectDelayMs: 100,
    })
    await waitUntil('the write', () => cache.set('key', bytes('value'), { ttlMs: MINUTE }))
    await untilLocal(cache, 'key')
    redis.freeze()
    await waitUntil('the loss', async () => (await cache.lookup('key')).kind === 'unknown')
    redis.thaw()
    await waitUntil('the value', async () => text(await cache.get('key')) === 'value')
    expect(statsOf(cache).connections).toBeGreaterThan(1)
  })

  it('are bounded by entries and by bytes', async () => {
    await using cache = createRedisCache({
      url,
      keyPrefix: newPrefix(),
      commandTimeoutMs: 2000,
      clientSideCache: { maxEntries: 10, maxBytes: 10_000 },
    })
    const all = Array.from({ length: 50 }, (_, index) => `key ${index}`)
    for (const size of [10, 3000]) {
      for (const key of all) {
        await cache.set(key, new Uint8Array(size), { ttlMs: MINUTE, tags: [key] })
        await cache.get(key)
      }
      const { localBytes, localEntries } = statsOf(cache)
      expect(localEntries).toBe(size === 10 ? 10 : 2)
      expect(localBytes).toBeLessThanOrEqual(10_000)
    }
  })

  it('are not made of what is no entry of ours', async () => {
    const keyPrefix = newPrefix()
    await using cache = open(keyPrefix)
    await client.set(`${keyPrefix}e:key`, 'text')
    expect(await cache.lookup('key')).toEqual({ kind: 'miss' })
    await client.lPush(`${keyPrefix}e:list`, 'a list')
    expect(await cache.lookup('list')).toEqual({ kind: 'unknown' })
    expect(statsOf(cache)).toMatchObject({ localEntries: 0, failures: 1 })
  })

  it('need limits that make sense', async () => {
    const at = `redis://127.0.0.1:${await freePort()}`
    for (const name of ['maxEntries', 'maxBytes']) {
      expect(() => createRedisCache({ url: at, clientSideCache: { [name]: 0 } })).toThrow(
        `clientSideCache.${name} is 0`,
      )
    }
  })
})

const newCopies = (): LocalCopies => new LocalCopies({ maxEntries: 10, maxBytes: 10_000 })

describe('what is read while it changes', () => {
  const entry = { header: { staleMs: 0, tags: [], versions: [] }, value: bytes('1'), remainingMs: MINUTE }

  it('is kept when nothing was heard meanwhile, also by two who read it together', () => {
    const copies = newCopies()
    const [first, second] = [copies.begin('key'), copies.begin('key')]
    copies.forget('another')
    copies.keepEntry(first, entry, performance.now())
    copies.end(first)
    copies.forget('key')
    expect(copies.entry('key')).toBeUndefined()
    copies.keepEntry(second, entry, performance.now())
    copies.end(second)
    // The news came before the second had its answer.
    expect(copies.entry('key')).toBeUndefined()
    const third = copies.begin('key')
    copies.keepEntry(third, entry, performance.now())
    copies.end(third)
    expect(text(copies.entry('key')?.value)).toBe('1')
  })

  it('is not kept when its key or the connection was given up, but what is asked after that is', () => {
    for (const forget of ['forget', 'forgetAll'] as const) {
      const copies = newCopies()
      const before = copies.begin('key')
      copies[forget]('key')
      const after = copies.begin('key')
      copies.end(before)
      copies.keepVersion(before, 'old')
      expect(copies.version('key')).toBeUndefined()
      copies.keepVersion(after, 'new')
      copies.end(after)
      expect(copies.version('key')).toBe('new')
    }
  })

  it('is not kept when its time was over on the way', () => {
    const copies = newCopies()
    const reading = copies.begin('key')
    copies.keepEntry(reading, { ...entry, remainingMs: 5 }, performance.now() - 10)
    expect(copies.entry('key')).toBeUndefined()
    copies.keepEntry(reading, { ...entry, remainingMs: 0 }, performance.now())
    expect(copies.stats).toEqual({ localHits: 0, localEntries: 0, localBytes: 0 })
  })
})
