import { describe, expect, test } from 'vitest'

import { SessionCaps, type SessionRoom } from '../src/index.ts'

const ME = { tenantId: 'tenant', principalId: 'me' }
const YOU = { tenantId: 'tenant', principalId: 'you' }

const openCaps = (maxPerPrincipal: number, maxPerTenant = 100) => {
  const displaced: string[] = []
  let now = 0
  const caps = new SessionCaps({
    maxPerPrincipal,
    maxPerTenant,
    idleMs: 1000,
    onDisplaced: (sessionId) => displaced.push(sessionId),
    now: () => now,
  })
  return {
    caps,
    displaced,
    open: (sessionId: string, owner = ME): void => roomOf(caps.admit(owner)).keep(sessionId),
    advance: (ms: number) => {
      now += ms
    },
  }
}

const roomOf = (room: SessionRoom | string): SessionRoom => {
  if (typeof room === 'string') throw new Error(`no room: ${room}`)
  return room
}

describe('when a principal has as many sessions as it may', () => {
  test('the one used longest ago is displaced', () => {
    const { caps, displaced, open } = openCaps(3)
    for (const id of ['a', 'b', 'c']) open(id)
    caps.release(caps.use(ME, 'a'))
    open('d')
    expect(displaced).toEqual(['b'])
    expect(caps.countOf(ME)).toBe(3)
  })

  test('one that is in use is passed over', () => {
    const { caps, displaced, open } = openCaps(2)
    for (const id of ['a', 'b']) open(id)
    const use = caps.use(ME, 'a')
    caps.release(caps.use(ME, 'b'))
    open('c')
    expect(displaced).toEqual(['b'])
    caps.release(use)
  })

  test('and all are in use, there is no room until one is released', () => {
    const { caps, displaced, open } = openCaps(1)
    open('a')
    const uses = [caps.use(ME, 'a'), caps.use(ME, 'a')]
    expect(caps.admit(ME)).toBe('maxPerPrincipal')
    caps.release(uses[0]!)
    expect(caps.admit(ME)).toBe('maxPerPrincipal')
    caps.release(uses[1]!)
    open('b')
    expect(displaced).toEqual(['a'])
  })

  test('a room that is being filled counts, and one that was given up does not', () => {
    const { caps } = openCaps(1)
    const room = roomOf(caps.admit(ME))
    expect(caps.admit(ME)).toBe('maxPerPrincipal')
    room[Symbol.dispose]()
    room[Symbol.dispose]()
    expect(caps.countOf(ME)).toBe(0)
    roomOf(caps.admit(ME))
  })

  test('a session that comes back finds room all the same', () => {
    const { caps, displaced, open } = openCaps(1)
    open('a')
    const use = caps.use(ME, 'a')
    const back = caps.use(ME, 'b')
    expect(displaced).toEqual(['a'])
    expect(caps.countOf(ME)).toBe(1)
    // What was displaced while in use is not counted twice when it is released.
    caps.release(use)
    expect(caps.admit(ME)).toBe('maxPerPrincipal')
    caps.release(back)
    expect(caps.countOf(ME)).toBe(1)
  })
})

test('sessions that nobody uses any more are not counted after the idle time', () => {
  const { advance, caps, displaced, open } = openCaps(100)
  for (const id of ['a', 'b', 'c']) open(id)
  const use = caps.use(ME, 'c')
  advance(1001)
  open('d', YOU)
  expect(caps.countOf(ME)).toBe(1)
  expect(displaced).toEqual([])
  caps.release(use)
})

test('a tenant is bounded over all of its principals, and others are not concerned', () => {
  const { caps, displaced, open } = openCaps(100, 2)
  open('a')
  open('b', YOU)
  open('c', YOU)
  expect(displaced).toEqual(['a'])
  expect(caps.countOf(ME)).toBe(0)
  const uses = [caps.use(YOU, 'b'), caps.use(YOU, 'c')]
  expect(caps.admit(ME)).toBe('maxPerTenant')
  roomOf(caps.admit({ tenantId: 'another', principalId: 'me' }))
  for (const use of uses) caps.release(use)
})
