import { freePort, startFaultProxy, waitUntil } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import type { Cache, Notice } from '../src/index.ts'
import { type ConnectionState, createRedisCache, type RedisCacheOptions } from '../src/redis.ts'
import { bytes, MINUTE, text } from './contract/open-cache.ts'
import { aWhile, startOwnRedis } from './redis/own-redis.ts'

interface Observed extends AsyncDisposable {
  readonly cache: Cache
  readonly states: ConnectionState[]
}

const open = (url: string, options: Partial<RedisCacheOptions> = {}): Observed => {
  const states: ConnectionState[] = []
  const cache = createRedisCache({
    url,
    maxReconnectDelayMs: 100,
    ...options,
    onStateChange: (state) => states.push(state),
  })
  return { cache, states, [Symbol.asyncDispose]: async () => cache[Symbol.asyncDispose]() }
}

const untilConnected = (cache: Cache): Promise<boolean> =>
  waitUntil('the connection', () => cache.stats().connected)

const collect = async (cache: Cache): Promise<Notice[]> => {
  const notices: Notice[] = []
  await cache.subscribe('news', (notice) => notices.push(notice))
  return notices
}

/** Nothing that is asked of a cache that is away may throw or wait. */
const expectAway = async (cache: Cache): Promise<void> => {
  const before = cache.stats()
  expect(await cache.lookup('key')).toEqual({ kind: 'unknown' })
  expect(await cache.set('key', bytes('value'), { ttlMs: MINUTE, tags: ['a'] })).toBe(false)
  expect(await cache.delete('key')).toBe(false)
  expect(await cache.invalidateTag('a')).toBe(false)
  expect(await cache.publish('news', 'lost')).toBe(false)
  expect(text(await cache.getOrLoad('key', async () => bytes('loaded'), { ttlMs: MINUTE }))).toBe('loaded')
  await waitUntil('the dropped write', () => cache.stats().droppedWrites === before.droppedWrites + 5)
  expect(cache.stats().misses).toBe(before.misses + 2)
}

describe('when there is no Redis', () => {
  it('everything goes on, reads miss, writes are dropped and counted', async () => {
    await using opened = open(`redis://someone:secret@127.0.0.1:${await freePort()}`)
    const { cache, states } = opened
    await expectAway(cache)
    expect(cache.stats()).toMatchObject({ kind: 'redis', connected: false, connections: 0 })
    await aWhile()
    expect(states).toMatchObject([{ connected: false, error: { code: 'ECONNREFUSED' } }])
    expect(String(states[0]?.error)).not.toContain('secret')
  })

  it('one that comes is found, by those who subscribed before as well', async () => {
    await using redis = await startOwnRedis()
    await redis.kill()
    await using opened = open(redis.url)
    const { cache, states } = opened
    const notices = await collect(cache)
    await aWhile()
    await redis.start()
    await untilConnected(cache)
    await waitUntil('the notice', () => notices.length > 0)
    await cache.publish('news', 'now')
    await waitUntil('the message', () => notices.length > 1)
    expect(notices).toEqual([
      { message: undefined, missed: true },
      { message: 'now', missed: false },
    ])
    expect(states.map(({ connected }) => connected)).toEqual([false, true])
  })

  it('closing does not wait for it', async () => {
    const { cache } = open(`redis://127.0.0.1:${await freePort()}`, { maxReconnectDelayMs: 1_000_000 })
    await cache.get('key')
    await cache[Symbol.asyncDispose]()
    expect(cache.stats().connected).toBe(false)
  })
})

describe('when Redis is killed and comes back', () => {
  it('the cache does, with its subscribers, who are told that they may have missed something', async () => {
    await using redis = await startOwnRedis()
    await using opened = open(redis.url)
    const { cache, states } = opened
    await untilConnected(cache)
    const notices = await collect(cache)
    expect(await cache.set('key', bytes('value'), { ttlMs: MINUTE })).toBe(true)
    for (let round = 1; round <= 3; round += 1) {
      await redis.kill()
      await waitUntil('the loss', () => !cache.stats().connected)
      await expectAway(cache)
      await redis.start()
      await untilConnected(cache)
      await waitUntil('the notice', () => notices.length === round)
    }
    expect(notices).toEqual([1, 2, 3].map(() => ({ message: undefined, missed: true })))
    expect(await cache.publish('news', 'again')).toBe(true)
    await waitUntil('the message', () => notices.length === 4)
    expect(await cache.lookup('key')).toEqual({ kind: 'miss' })
    expect(states.map(({ connected }) => connected)).toEqual([true, false, true, false, true, false, true])
    expect(cache.stats()).toMatchObject({ connections: 4 })
  })
})

describe('when Redis freezes', () => {
  it('F42 commands end, the third in a row ends the connection, and the next do not wait at all', async () => {
    await using redis = await startOwnRedis()
    // The heartbeat is out of the way: it would count as well.
    await using opened = open(redis.url, { heartbeatMs: 3_600_000 })
    const { cache, states } = opened
    await untilConnected(cache)
    await cache.set('key', bytes('value'), { ttlMs: MINUTE })
    redis.freeze()
    for (let round = 1; round <= 3; round += 1) {
      expect(cache.stats()).toMatchObject({ connected: true, timeouts: round - 1 })
      expect(await cache.lookup('key')).toEqual({ kind: 'unknown' })
    }
    await waitUntil('the loss', () => states.length === 2)
    expect(states[1]).toMatchObject({
      connected: false,
      error: { message: expect.stringContaining('3 commands') },
    })
    expect(cache.stats()).toMatchObject({ timeouts: 3 })
    await expectAway(cache)
    expect(cache.stats()).toMatchObject({ timeouts: 3 })
    redis.thaw()
    await untilConnected(cache)
    expect(text(await cache.get('key'))).toBe('value')
  })

  it('an answer in time begins the count anew', async () => {
    await using redis = await startOwnRedis()
    await using opened = open(redis.url, { heartbeatMs: 3_600_000 })
    const { cache } = opened
    await untilConnected(cache)
    await cache.set('key', bytes('value'), { ttlMs: MINUTE })
    for (let round = 0; round < 3; round += 1) {
      redis.freeze()
      await cache.get('key')
      await cache.get('key')
      redis.thaw()
      await waitUntil('an answer in time', async () => (await cache.get('key')) !== undefined)
    }
    expect(cache.stats()).toMatchObject({ connected: true, connections: 1 })
  })

  it('that is noticed although nobody asks', async () => {
    await using redis = await startOwnRedis()
    await using opened = open(redis.url, { heartbeatMs: 20 })
    const { cache } = opened
    await untilConnected(cache)
    const notices = await collect(cache)
    redis.freeze()
    await waitUntil('the loss', () => !cache.stats().connected)
    redis.thaw()
    await waitUntil('the notice', () => notices.length > 0)
    expect(notices[0]).toEqual({ message: undefined, missed: true })
    expect(cache.stats().misses).toBe(0)
  })

  it('closing does not wait for it', async () => {
    await using redis = await startOwnRedis()
    const { cache } = open(redis.url)
    await untilConnected(cache)
    redis.freeze()
    const reading = cache.get('key')
    await cache[Symbol.asyncDispose]()
    expect(await reading).toBeUndefined()
  })
})

describe('when Redis is slow', () => {
  it('F42 reads miss at the deadline, loads load, and it is used again when it is fast again', async () => {
    await using redis = await startOwnRedis()
    await using proxy = await startFaultProxy({ port: redis.port })
    await using opened = open(`redis://127.0.0.1:${proxy.port}`, { heartbeatMs: 3_600_000 })
    const { cache } = opened
    await untilConnected(cache)
    await waitUntil('a write', () => cache.set('key', bytes('value'), { ttlMs: MINUTE }))
    // Each way: no answer is in time, and the connection cannot even be made anew.
    proxy.setLatency(5000)
    expect(await cache.lookup('key')).toEqual({ kind: 'unknown' })
    expect(text(await cache.getOrLoad('key', async () => bytes('loaded'), { ttlMs: MINUTE }))).toBe('loaded')
    await waitUntil('the loss', async () => {
      await cache.get('key')
      return !cache.stats().connected
    })
    await expectAway(cache)
    proxy.setLatency(0)
    await waitUntil('a read in time', async () => (await cache.lookup('key')).kind !== 'unknown')
    expect(cache.stats()).toMatchObject({ connected: true })
  })
})

describe('when Redis loses everything', () => {
  it('reads miss, tags and writes go on, and the connection does not notice', async () => {
    await using redis = await startOwnRedis()
    await using opened = open(redis.url, { commandTimeoutMs: 2000 })
    const { cache } = opened
    await untilConnected(cache)
    const notices = await collect(cache)
    const tagged = { ttlMs: MINUTE, tags: ['a'] }
    await cache.set('key', bytes('before'), tagged)
    await redis.run('FLUSHALL')
    expect(await cache.lookup('key')).toEqual({ kind: 'miss' })
    expect(text(await cache.getOrLoad('key', async () => bytes('after'), tagged))).toBe('after')
    await waitUntil('the write', async () => text(await cache.get('key')) === 'after')
    expect(await cache.invalidateTag('a')).toBe(true)
    expect(await cache.lookup('key')).toEqual({ kind: 'miss' })
    await cache.publish('news', 'still here')
    await waitUntil('the message', () => notices.length === 1)
    expect(cache.stats()).toMatchObject({ connections: 1, failures: 0 })
  })
})

describe('when this process is held up', () => {
  it('answers that came in meanwhile are read before they count as late', async () => {
    await using redis = await startOwnRedis()
    await using opened = open(redis.url, { heartbeatMs: 3_600_000 })
    const { cache } = opened
    await untilConnected(cache)
    await cache.set('key', bytes('value'), { ttlMs: MINUTE })
    for (let round = 0; round < 5; round += 1) {
      const reading = cache.get('key')
      // The command is written; then nothing runs for longer than the deadline.
      await new Promise((resolve) => setImmediate(resolve))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
      expect(text(await reading)).toBe('value')
    }
    expect(cache.stats()).toMatchObject({ timeouts: 0 })
  })
})

describe('when the connection breaks', () => {
  it('commands under way end as misses, and a new connection is made', async () => {
    await using redis = await startOwnRedis()
    await using proxy = await startFaultProxy({ port: redis.port })
    await using opened = open(`redis://127.0.0.1:${proxy.port}`)
    const { cache } = opened
    await untilConnected(cache)
    await cache.set('key', bytes('value'), { ttlMs: MINUTE })
    for (let round = 2; round <= 5; round += 1) {
      proxy.reset()
      expect(['unknown', 'hit']).toContain((await cache.lookup('key')).kind)
      await waitUntil('a new connection', () => {
        const stats = cache.stats()
        return stats.kind === 'redis' && stats.connected && stats.connections === round
      })
      expect(text(await cache.get('key'))).toBe('value')
    }
  })

  it('a server that accepts and says nothing does not hold up anyone', async () => {
    await using redis = await startOwnRedis()
    redis.freeze()
    await using opened = open(redis.url, { connectTimeoutMs: 200 })
    const { cache, states } = opened
    await waitUntil('the first failure', () => states.length > 0)
    expect(states).toMatchObject([
      { connected: false, error: { message: expect.stringContaining('200 ms') } },
    ])
    await expectAway(cache)
    redis.thaw()
    await untilConnected(cache)
    expect(await cache.set('key', bytes('value'), { ttlMs: MINUTE })).toBe(true)
  })
})

describe('when Redis refuses', () => {
  it('writes because it is full, they are dropped and the rest goes on', async () => {
    await using redis = await startOwnRedis('--maxmemory', '1', '--maxmemory-policy', 'noeviction')
    await using opened = open(redis.url)
    const { cache } = opened
    await untilConnected(cache)
    expect(await cache.set('key', bytes('value'), { ttlMs: MINUTE })).toBe(false)
    expect(await cache.set('key', bytes('value'), { ttlMs: MINUTE, tags: ['a'] })).toBe(false)
    expect(await cache.lookup('key')).toEqual({ kind: 'miss' })
    expect(cache.stats()).toMatchObject({ connected: true, connections: 1, droppedWrites: 2 })
  })

  it('writes because it became a replica, the connection is made anew', async () => {
    await using redis = await startOwnRedis()
    await using opened = open(redis.url)
    const { cache } = opened
    await untilConnected(cache)
    await cache.set('key', bytes('value'), { ttlMs: MINUTE })
    await redis.run('REPLICAOF', '127.0.0.1', String(await freePort()))
    expect(await cache.set('key', bytes('value'), { ttlMs: MINUTE })).toBe(false)
    await redis.run('REPLICAOF', 'NO', 'ONE')
    await waitUntil('a write', () => cache.set('key', bytes('value'), { ttlMs: MINUTE }))
    expect(cache.stats()).toMatchObject({ connections: expect.toSatisfy((count: number) => count > 1) })
  })

  it('us because the password is wrong, it is told once, and tried again', async () => {
    await using redis = await startOwnRedis()
    await redis.run('CONFIG', 'SET', 'requirepass', 'right')
    await using opened = open(redis.url.replace('//', '//:wrong@'))
    const { cache, states } = opened
    await expectAway(cache)
    await aWhile()
    expect(states).toHaveLength(1)
    expect(String(states[0]?.error)).toMatch(/WRONGPASS|NOAUTH|invalid/u)
  })
})

describe('a URL that is none of Redis', () => {
  it.each(['', 'http://someone:secret@host', 'redis://someone:secret@[', 'redis://someone:secret@h/x'])(
    '%j is refused without repeating it',
    (url) => {
      const attempt = (): Cache => createRedisCache({ url })
      expect(attempt).toThrow(TypeError)
      expect(attempt).not.toThrow(/secret/u)
    },
  )
})
