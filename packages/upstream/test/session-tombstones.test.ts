import { createMemoryCache } from '@mreg/cache'
import { waitUntil } from '@mreg/testing'
import { describe, expect, test } from 'vitest'

import { LegacySessions, SessionTombstones } from '../src/index.ts'
import { seedOf } from './support/open-session.ts'
import { openUpstream } from './support/open-upstream.ts'

const TOMBSTONE_MS = 60_000

/** Two processes that share a cache. */
const openTwo = () => {
  const cache = createMemoryCache()
  const upstream = openUpstream('http://127.0.0.1:1/mcp')
  const options = { tombstoneMs: TOMBSTONE_MS, maxSessions: 10, idleMs: 60_000 }
  const openProcess = () => {
    const tombstones = new SessionTombstones({ cache, tombstoneMs: TOMBSTONE_MS, maxPending: 10 })
    return { tombstones, sessions: new LegacySessions({ ...options, tombstones }) }
  }
  return {
    cache,
    endpoint: upstream.endpoint,
    openProcess,
    one: openProcess(),
    two: openProcess(),
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]()
      await cache[Symbol.asyncDispose]()
    },
  }
}

describe('the ends of sessions', () => {
  test('are told to other processes, also about sessions that they never saw', async () => {
    await using processes = openTwo()
    const { endpoint, one, two } = processes
    const seed = seedOf({ id: 'seen' })
    expect(await two.sessions.find(seed, endpoint)).toBeDefined()
    one.sessions.end('seen')
    one.sessions.end('unseen')
    await waitUntil('the word', () => two.sessions.get(seed, endpoint) === undefined)
    expect(two.sessions.get(seedOf({ id: 'unseen' }), endpoint)).toBeUndefined()
  })

  test('are found by processes that begin later', async () => {
    await using processes = openTwo()
    const { endpoint, one, openProcess } = processes
    one.sessions.end('a')
    await one.tombstones[Symbol.asyncDispose]()
    const later = openProcess()
    expect(later.sessions.get(seedOf({ id: 'a' }), endpoint)).toBeDefined()
    expect(await later.sessions.find(seedOf({ id: 'a' }), endpoint)).toBeUndefined()
    expect(later.sessions.get(seedOf({ id: 'a' }), endpoint)).toBeUndefined()
  })

  test('are asked for once, and not at all of sessions that began here', async () => {
    await using processes = openTwo()
    const { cache, endpoint, one, two } = processes
    const seed = seedOf({ id: 'a' })
    one.sessions.begin(seed, endpoint)
    const session = await one.sessions.find(seed, endpoint)
    expect(session).toBe(await one.sessions.find(seed, endpoint))
    expect(cache.stats().misses).toBe(0)
    await Promise.all([1, 2, 3].map(() => two.sessions.find(seed, endpoint)))
    await two.sessions.find(seed, endpoint)
    expect(cache.stats().misses).toBe(1)
  })

  test('that nobody can tell of do not keep a session from going on', async () => {
    await using processes = openTwo()
    const { cache, endpoint, one } = processes
    await cache[Symbol.asyncDispose]()
    expect(await one.tombstones.has('a')).toBeUndefined()
    expect(await one.sessions.find(seedOf({ id: 'a' }), endpoint)).toBeDefined()
    one.sessions.end('a')
    expect(await one.sessions.find(seedOf({ id: 'a' }), endpoint)).toBeUndefined()
  })

  test('are no longer than the name of a session', async () => {
    await using processes = openTwo()
    const { cache, endpoint, one } = processes
    const long = seedOf({ id: 'x'.repeat(65) })
    await cache.publish('session-ended', long.id)
    await cache.publish('session-ended', 'y')
    await waitUntil('the word', () => one.sessions.get(seedOf({ id: 'y' }), endpoint) === undefined)
    expect(one.sessions.get(long, endpoint)).toBeDefined()
  })
})
