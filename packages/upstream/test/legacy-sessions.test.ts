import { describe, expect, test } from 'vitest'

import { type LegacySession, LegacySessions, type UpstreamEndpoint } from '../src/index.ts'
import { seedOf } from './support/open-session.ts'
import { openUpstream, targetOf } from './support/open-upstream.ts'

/** A memory with limits that can be counted, and a clock that only moves when told. */
const openMemory = (limits: { maxSessions?: number; idleMs?: number; tombstoneMs?: number } = {}) => {
  const open = openUpstream('http://127.0.0.1:1/mcp')
  let now = 0
  const sessions = new LegacySessions({
    maxSessions: 3,
    idleMs: 1000,
    tombstoneMs: 5000,
    ...limits,
    now: () => now,
  })
  return {
    sessions,
    endpoint: open.endpoint,
    upstreams: open.upstreams,
    get: (id: string, endpoint: UpstreamEndpoint = open.endpoint): LegacySession | undefined =>
      sessions.get(seedOf({ id, opened: { sessionId: `upstream of ${id}` } }), endpoint),
    advance: (ms: number) => {
      now += ms
    },
    [Symbol.asyncDispose]: () => open[Symbol.asyncDispose](),
  }
}

describe('the sessions of a process', () => {
  test('are the same object for as long as they are remembered', async () => {
    await using memory = openMemory()
    expect(memory.get('a')).toBe(memory.get('a'))
    expect(memory.get('a')).not.toBe(memory.get('b'))
    expect(memory.get('a')?.opened).toEqual({ sessionId: 'upstream of a' })
  })

  test('F33 are forgotten after the idle time, not at it, and rebuilt from their seed', async () => {
    await using memory = openMemory({ idleMs: 1000 })
    const before = memory.get('a')
    memory.advance(999)
    memory.get('b')
    expect(memory.sessions.size).toBe(2)
    memory.advance(1)
    memory.get('b')
    expect(memory.sessions.size).toBe(2)
    memory.advance(1)
    memory.get('b')
    expect(memory.sessions.size).toBe(1)

    const after = memory.get('a')
    expect(after).toBeDefined()
    expect(after).not.toBe(before)
    expect(after?.opened).toEqual({ sessionId: 'upstream of a' })
  })

  test('that are in use do not become idle', async () => {
    await using memory = openMemory({ idleMs: 1000 })
    const before = memory.get('a')
    for (let time = 0; time < 5000; time += 900) {
      memory.advance(900)
      expect(memory.get('a')).toBe(before)
    }
  })

  test('are no more than the limit; the one idle longest goes first', async () => {
    await using memory = openMemory({ maxSessions: 3, idleMs: 1_000_000 })
    const [a, b] = [memory.get('a'), memory.get('b')]
    expect(memory.sessions.size).toBe(2)
    memory.get('c')
    expect(memory.sessions.size).toBe(3)
    // Used again, `a` is no longer the oldest.
    expect(memory.get('a')).toBe(a)
    memory.get('d')
    expect(memory.sessions.size).toBe(3)
    expect(memory.get('a')).toBe(a)
    expect(memory.get('b')).not.toBe(b)
    expect(memory.sessions.size).toBe(3)
  })

  test('of one remember that one', async () => {
    await using memory = openMemory({ maxSessions: 1 })
    const a = memory.get('a')
    expect(memory.get('a')).toBe(a)
    memory.get('b')
    expect(memory.sessions.size).toBe(1)
    expect(memory.get('a')).not.toBe(a)
  })

  test('that were ended are refused, also when they were never seen or were forgotten', async () => {
    await using memory = openMemory({ idleMs: 1000, tombstoneMs: 10_000 })
    memory.get('seen')
    memory.sessions.end('seen')
    memory.sessions.end('unseen')
    memory.get('forgotten')
    memory.advance(5000)
    memory.get('other')
    memory.sessions.end('forgotten')
    for (const id of ['seen', 'unseen', 'forgotten']) expect(memory.get(id)).toBeUndefined()
    expect(memory.get('other')).toBeDefined()
    expect(memory.sessions.size).toBe(1)
  })

  test('that were ended stay refused until their token has expired, and are then no burden', async () => {
    await using memory = openMemory({ tombstoneMs: 5000 })
    memory.sessions.end('a')
    memory.advance(4999)
    memory.sessions.end('b')
    expect(memory.get('a')).toBeUndefined()
    memory.advance(1)
    memory.sessions.end('c')
    // Its token is refused for its age now, so nothing has to be remembered.
    expect(memory.get('a')).toBeDefined()
    expect(memory.get('b')).toBeUndefined()
    expect(memory.get('c')).toBeUndefined()
  })

  test('that were ended are remembered up to the limit; the oldest goes first', async () => {
    await using memory = openMemory({ maxSessions: 3 })
    for (const id of ['a', 'b', 'c']) memory.sessions.end(id)
    expect(memory.get('a')).toBeUndefined()
    memory.sessions.end('d')
    expect(memory.get('a')).toBeDefined()
    for (const id of ['b', 'c', 'd']) expect(memory.get(id)).toBeUndefined()
  })

  test('go on in the session that was opened last when their endpoint is made anew', async () => {
    await using memory = openMemory()
    const { endpoint, upstreams } = memory
    const before = memory.get('a')
    const anew = upstreams.endpoint({ ...endpoint.target, revision: 2 })
    const after = memory.get('a', anew)
    expect(after).not.toBe(before)
    expect(after?.opened).toEqual({ sessionId: 'upstream of a' })
    expect(memory.sessions.size).toBe(1)
  })

  test('begin anew at another endpoint', async () => {
    await using memory = openMemory()
    memory.get('a')
    const other = memory.upstreams.endpoint(targetOf('http://127.0.0.1:2/mcp'))
    const session = memory.sessions.get(seedOf({ id: 'a', opened: undefined }), other)
    expect(session?.opened).toBeUndefined()
  })
})
