import { randomUUID } from 'node:crypto'

import { waitUntil } from '@mreg/testing'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { Cache } from '../src/index.ts'
import { createRedisCache } from '../src/redis.ts'
import { describeCache } from './contract/cache-contract.ts'
import { bytes, MINUTE, never, type OpenedCache, text } from './contract/open-cache.ts'
import { startChunkCounter } from './redis/chunk-counter.ts'

const url = process.env['MREG_TEST_REDIS_URL'] ?? ''
const runPrefix = process.env['MREG_TEST_REDIS_PREFIX'] ?? ''

const newPrefix = (): string => `${runPrefix}cache:${randomUUID()}:`

describeCache('on Redis', async (options = {}): Promise<OpenedCache> => {
  const background: OpenedCache['background'][number][] = []
  const cache = createRedisCache({
    url,
    keyPrefix: newPrefix(),
    ...options,
    // The machine of the tests may be busy; deadlines are what the tests of outages are about.
    commandTimeoutMs: 2000,
    onBackgroundError: (error, source) => background.push({ error, source }),
  })
  return { cache, background, [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose]() }
})

const open = (keyPrefix: string): Cache => createRedisCache({ url, keyPrefix, commandTimeoutMs: 2000 })

describe('commands of one turn', () => {
  it('go to Redis together, and are answered each its own', async () => {
    await using wire = await startChunkCounter(new URL(url))
    await using cache = createRedisCache({ url: wire.url, keyPrefix: newPrefix(), commandTimeoutMs: 5000 })
    const keys = Array.from({ length: 100 }, (_, index) => `key ${index}`)
    await Promise.all(keys.map((key) => cache.set(key, bytes(`of ${key}`), { ttlMs: MINUTE })))
    const before = wire.chunks
    const values = await Promise.all(keys.map((key) => cache.get(key)))
    expect(values.map((value) => text(value))).toEqual(keys.map((key) => `of ${key}`))
    // One packet, give or take where the system cuts it.
    expect(wire.chunks - before).toBeLessThan(20)
  })
})

describe('two caches on one Redis', () => {
  it('with one prefix share values, tags and messages', async () => {
    const prefix = newPrefix()
    await using one = open(prefix)
    await using two = open(prefix)
    const messages: (string | undefined)[] = []
    await two.subscribe('news', ({ message }) => messages.push(message))
    await one.set('key', bytes('value'), { ttlMs: MINUTE, tags: ['a'] })
    expect(text(await two.get('key'))).toBe('value')
    expect(text(await two.getOrLoad('key', never, { ttlMs: MINUTE, tags: ['a'] }))).toBe('value')
    expect(text(await two.getOrLoad('key', never, { ttlMs: MINUTE, staleIfErrorMs: 1 }))).toBe('value')
    await two.invalidateTag('a')
    expect(await one.get('key')).toBeUndefined()
    await one.publish('news', 'hello')
    await waitUntil('the message', () => messages.length > 0)
    expect(messages).toEqual(['hello'])
  })

  it('with two prefixes share nothing', async () => {
    await using one = open(newPrefix())
    await using two = open(newPrefix())
    const messages: (string | undefined)[] = []
    await two.subscribe('news', ({ message }) => messages.push(message))
    await one.set('key', bytes('one'), { ttlMs: MINUTE, tags: ['a'] })
    await two.set('key', bytes('two'), { ttlMs: MINUTE, tags: ['a'] })
    await two.invalidateTag('a')
    await one.publish('news', 'for one')
    await two.publish('news', 'for two')
    await waitUntil('the message', () => messages.length > 0)
    expect(messages).toEqual(['for two'])
    expect(text(await one.get('key'))).toBe('one')
  })

  it('keep out what was loaded before another process invalidated its tag', async () => {
    const prefix = newPrefix()
    await using one = open(prefix)
    await using two = open(prefix)
    const started = Promise.withResolvers<void>()
    const slow = Promise.withResolvers<Uint8Array>()
    const load = (): Promise<Uint8Array> => {
      started.resolve()
      return slow.promise
    }
    const loading = one.getOrLoad('key', load, { ttlMs: MINUTE, tags: ['a'] })
    await started.promise
    await two.invalidateTag('a')
    slow.resolve(bytes('old'))
    expect(text(await loading)).toBe('old')
    expect(await two.get('key')).toBeUndefined()
  })
})

describe('what is in Redis', () => {
  const client = createClient({ url })
  beforeAll(async () => {
    await client.connect()
  })
  afterAll(() => client.destroy())

  it('lies under the prefix and goes by itself', async () => {
    const keyPrefix = newPrefix()
    await using cache = open(keyPrefix)
    await cache.set('key', bytes('value'), { ttlMs: MINUTE, tags: ['a'] })
    await cache.getOrLoad('loaded', async () => bytes('value'), { ttlMs: MINUTE, staleIfErrorMs: MINUTE })
    await waitUntil('the write', () => cache.stats().writes === 2)
    const keys = [`${keyPrefix}e:key`, `${keyPrefix}e:loaded`, `${keyPrefix}t:a`]
    expect((await client.keys(`${keyPrefix}*`)).toSorted()).toEqual(keys)
    const times = await Promise.all(keys.map((key) => client.pTTL(key)))
    expect(times[0]).toBeGreaterThan(MINUTE - 5000)
    expect(times[0]).toBeLessThanOrEqual(MINUTE)
    expect(times[1]).toBeGreaterThan(2 * MINUTE - 5000)
    expect(times[1]).toBeLessThanOrEqual(2 * MINUTE)
    expect(times[2]).toBeGreaterThan(30 * 24 * 60 * MINUTE)
  })

  it('and is no entry of ours is a miss, and is replaced', async () => {
    const keyPrefix = newPrefix()
    await using cache = open(keyPrefix)
    for (const foreign of [
      '',
      'text',
      '\u0011',
      '\u0011\0\0\0\u0002{}',
      '\u0011\0\0\0\u0005[1,2]',
      '\u0011\0\0\u0001\0[',
    ]) {
      await client.set(`${keyPrefix}e:key`, foreign)
      expect(await cache.lookup('key')).toEqual({ kind: 'miss' })
    }
    expect(text(await cache.getOrLoad('key', async () => bytes('ours'), { ttlMs: MINUTE }))).toBe('ours')
    expect(text(await cache.get('key'))).toBe('ours')
  })

  it('and cannot be read as a value is counted as a failure, not thrown', async () => {
    const keyPrefix = newPrefix()
    await using cache = open(keyPrefix)
    await client.lPush(`${keyPrefix}e:key`, 'a list')
    expect(await cache.lookup('key')).toEqual({ kind: 'unknown' })
    expect(cache.stats()).toMatchObject({ connected: true, failures: 1 })
  })

  it('and loses the versions of tags loses what is under them', async () => {
    const keyPrefix = newPrefix()
    await using cache = open(keyPrefix)
    await cache.set('key', bytes('value'), { ttlMs: MINUTE, tags: ['a'] })
    await cache.set('other', bytes('value'), { ttlMs: MINUTE })
    await client.unlink(`${keyPrefix}t:a`)
    expect(await cache.get('key')).toBeUndefined()
    expect(text(await cache.get('other'))).toBe('value')
  })
})
