import { describe, expect, it } from 'vitest'

import { type Ejection, type LoadBalancer, type OutlierOptions, roundRobin } from '../src/index.ts'
import { open, type Opened, pickId } from './support/replicas.ts'

interface Watched extends Opened {
  readonly ejections: readonly Ejection[]
}

const watch = (
  count: number,
  outliers: OutlierOptions,
  slowStart?: { readonly durationMs: number },
): Watched => {
  const ejections: Ejection[] = []
  const weights = Array.from({ length: count }, () => 1)
  const onEjected = (ejection: Ejection): void => void ejections.push(ejection)
  return { ...open(weights, { strategy: roundRobin(), outliers, onEjected, slowStart }), ejections }
}

/** So many calls end in this way at `id`. */
const calls = (
  balancer: LoadBalancer<string>,
  id: string,
  outcome: 'success' | 'failure' | 'release',
  times = 1,
): void => {
  const replica = balancer.get(id)
  if (replica === undefined) throw new Error(`there is no ${id}`)
  for (let call = 0; call < times; call += 1) balancer.begin(replica)[outcome]()
}

const chosen = (balancer: LoadBalancer<string>): string => {
  const seen = new Set(Array.from({ length: 50 }, () => pickId(balancer)))
  return [...seen].toSorted().join('')
}

const ejected = (balancer: LoadBalancer<string>): string =>
  balancer
    .stats()
    .filter(({ state }) => state === 'ejected')
    .map(({ id }) => id)
    .join('')

describe('outliers', () => {
  it('are ejected after so many failures in a row, for so long, and come back', () => {
    const { balancer, clock, ejections } = watch(3, { consecutiveFailures: 3, ejectMs: 1000 })
    calls(balancer, 'a', 'failure', 2)
    calls(balancer, 'a', 'success')
    calls(balancer, 'a', 'failure', 2)
    // What says nothing does not begin the count anew.
    calls(balancer, 'a', 'release', 5)
    expect(chosen(balancer)).toBe('abc')
    calls(balancer, 'a', 'failure')
    expect(chosen(balancer)).toBe('bc')
    expect(ejections).toEqual([{ id: 'a', reason: 'consecutive-failures', durationMs: 1000 }])
    expect(balancer.get('a')).toMatchObject({ isEjected: true })
    clock.nowMs += 999
    expect(chosen(balancer)).toBe('bc')
    expect(ejected(balancer)).toBe('a')
    clock.nowMs += 1
    expect(ejected(balancer)).toBe('')
    expect(chosen(balancer)).toBe('abc')
    // The failures of before are forgotten.
    calls(balancer, 'a', 'failure', 2)
    expect(chosen(balancer)).toBe('abc')
  })

  it('are ejected for longer each time, up to a limit, and for shorter after a good while', () => {
    const rules = { consecutiveFailures: 1, ejectMs: 1000, maxEjectMs: 5000 }
    const { balancer, clock, ejections } = watch(2, rules)
    const failAgain = (afterMs: number): number | undefined => {
      clock.nowMs += afterMs
      balancer.pick()
      calls(balancer, 'a', 'failure')
      return ejections.at(-1)?.durationMs
    }
    expect(failAgain(0)).toBe(1000)
    expect(failAgain(1000)).toBe(2000)
    expect(failAgain(2000)).toBe(4000)
    expect(failAgain(4000)).toBe(5000)
    // Two periods in use: two steps back, and one on.
    expect(failAgain(5000 + 2000)).toBe(4000)
    expect(failAgain(4000 + 100_000)).toBe(1000)
    expect(ejections).toHaveLength(6)
  })

  it('are ejected when too many of their calls fail within the window, though not in a row', () => {
    const rules = { consecutiveFailures: 100, failureRate: 0.4, minCalls: 10, windowMs: 1000 }
    const { balancer, ejections } = watch(2, rules)
    calls(balancer, 'b', 'success', 20)
    calls(balancer, 'a', 'failure', 3)
    calls(balancer, 'a', 'success', 6)
    // Three of nine: too few failures, and too few calls.
    expect(ejections).toEqual([])
    // Four of ten: exactly the rate.
    calls(balancer, 'a', 'failure')
    expect(ejections).toMatchObject([{ id: 'a', reason: 'failure-rate' }])
  })

  it('are judged by the window alone: this half of it and the one before', () => {
    const rules = { consecutiveFailures: 100, failureRate: 0.5, minCalls: 4, windowMs: 1000 }
    const opened = (): Watched => {
      const watched = watch(2, rules)
      watched.clock.nowMs = 1_000_000
      calls(watched.balancer, 'b', 'success', 20)
      calls(watched.balancer, 'a', 'failure', 3)
      calls(watched.balancer, 'a', 'success', 4)
      return watched
    }
    // Four of eight, in two halves.
    const next = opened()
    next.clock.nowMs += 500
    calls(next.balancer, 'a', 'failure')
    expect(next.ejections).toHaveLength(1)
    // Two halves later nothing is left of it: neither the calls nor the failures.
    const later = opened()
    later.clock.nowMs += 1000
    calls(later.balancer, 'a', 'success', 3)
    calls(later.balancer, 'a', 'failure', 2)
    expect(later.ejections).toEqual([])
    calls(later.balancer, 'a', 'failure')
    expect(later.ejections).toHaveLength(1)
  })

  it('are held against what others did within the window', () => {
    const { balancer, clock, ejections } = watch(2, { consecutiveFailures: 3, windowMs: 1000 })
    calls(balancer, 'b', 'failure', 2)
    calls(balancer, 'a', 'failure', 3)
    expect(ejections).toEqual([])
    clock.nowMs += 2000
    calls(balancer, 'a', 'failure')
    expect(ejections).toMatchObject([{ id: 'a' }])
  })

  it('whose time is over keep nobody else in, though nobody has asked since', () => {
    const { balancer, clock, ejections } = watch(2, { consecutiveFailures: 1, ejectMs: 1000 })
    calls(balancer, 'a', 'failure')
    clock.nowMs += 1000
    calls(balancer, 'b', 'failure')
    expect(ejections.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(chosen(balancer)).toBe('a')
  })

  it('come back by the time that the caller has read', () => {
    const { balancer, clock } = watch(2, { consecutiveFailures: 1, ejectMs: 1000 })
    calls(balancer, 'a', 'failure')
    const { readings } = clock
    const b = balancer.get('b')
    const choice = { exclude: b ? [b] : [], nowMs: clock.nowMs + 1000 }
    expect(balancer.pick(undefined, choice)).toMatchObject({ id: 'a', isEjected: false })
    expect(clock.readings).toBe(readings)
  })

  it('are none where all fail alike: the cause is elsewhere', () => {
    const { balancer, ejections } = watch(4, { consecutiveFailures: 5, maxEjectedShare: 1 })
    for (let round = 0; round < 50; round += 1) {
      for (const id of ['a', 'b', 'c', 'd']) calls(balancer, id, 'failure')
    }
    // The first in the round is judged before anyone else has failed as often.
    expect(ejections).toEqual([])
    expect(chosen(balancer)).toBe('abcd')
  })

  it.each([
    [1, 0.5, 0],
    [2, 0.5, 1],
    [3, 0.5, 1],
    [4, 0.5, 2],
    [10, 0.1, 1],
    [10, 0.05, 0],
    [10, 0.3, 3],
    [4, 1, 4],
  ])('of %i are at most %d ejected at once: %i', (count, maxEjectedShare, cap) => {
    const { balancer, clock, ids } = watch(count, { consecutiveFailures: 3, maxEjectedShare, ejectMs: 1000 })
    let most = 0
    for (let round = 0; round < 20; round += 1) {
      for (const id of ids) {
        // Each fails after the others were well for longer than the window.
        clock.nowMs += 100_000
        for (const other of ids) if (other !== id) calls(balancer, other, 'success', 10)
        calls(balancer, id, 'failure', 3)
        most = Math.max(most, ejected(balancer).length)
        clock.nowMs -= 100_000
      }
    }
    expect(most).toBeLessThanOrEqual(cap)
    // All of what is allowed is used, where they fail at one moment.
    const again = watch(count, { consecutiveFailures: 3, maxEjectedShare })
    for (const id of ids) {
      for (const other of ids) if (other !== id) calls(again.balancer, other, 'success', 100)
      calls(again.balancer, id, 'failure', 3)
    }
    expect(ejected(again.balancer)).toHaveLength(cap)
    expect(again.ejections).toHaveLength(cap)
  })

  it('are chosen all the same where nobody else is left', () => {
    const { balancer } = watch(2, { consecutiveFailures: 1 })
    calls(balancer, 'a', 'failure')
    expect(chosen(balancer)).toBe('b')
    const b = balancer.get('b')
    expect(pickId(balancer, { exclude: b ? [b] : [] })).toBe('a')
    expect(pickId(balancer, { eligible: ({ id }) => id === 'a' })).toBe('a')
    void balancer.drain('b')
    expect(chosen(balancer)).toBe('a')
    expect(pickId(balancer, { exclude: balancer.replicas })).toBe('nobody')
  })

  it('come back each at its own time', () => {
    const { balancer, clock } = watch(4, { consecutiveFailures: 1, ejectMs: 1000 })
    calls(balancer, 'd', 'success', 100)
    calls(balancer, 'a', 'failure')
    clock.nowMs += 400
    calls(balancer, 'b', 'failure')
    expect(chosen(balancer)).toBe('cd')
    clock.nowMs += 600
    expect(chosen(balancer)).toBe('acd')
    clock.nowMs += 399
    expect(chosen(balancer)).toBe('acd')
    clock.nowMs += 1
    expect(chosen(balancer)).toBe('abcd')
  })

  it('that drain take nobody else’s place under the cap', () => {
    const { balancer, ejections } = watch(3, { consecutiveFailures: 2, maxEjectedShare: 0.5 })
    calls(balancer, 'c', 'success', 100)
    const a = balancer.get('a')
    if (a === undefined) throw new Error('there is an a')
    const leases = [balancer.begin(a), balancer.begin(a)]
    void balancer.drain('a')
    for (const lease of leases) lease.failure()
    expect(ejections).toEqual([])
    calls(balancer, 'b', 'failure', 2)
    expect(ejections).toMatchObject([{ id: 'b' }])
  })

  it('that drain are not counted, and do not drain for ever', () => {
    const { balancer } = watch(2, { consecutiveFailures: 1 })
    void balancer.drain('b')
    calls(balancer, 'a', 'failure')
    // Half of one is none.
    expect(ejected(balancer)).toBe('')
    balancer.resume('b')
    calls(balancer, 'a', 'failure')
    expect(ejected(balancer)).toBe('a')
    void balancer.drain('a')
    expect(chosen(balancer)).toBe('b')
    balancer.resume('a')
    expect(chosen(balancer)).toBe('ab')
  })

  it('come back small where there is a slow start', () => {
    const { balancer, clock } = watch(2, { consecutiveFailures: 1, ejectMs: 1000 }, { durationMs: 1000 })
    calls(balancer, 'a', 'failure')
    clock.nowMs += 5000
    balancer.pick()
    expect(balancer.stats()[0]).toMatchObject({ id: 'a', state: 'warming', effectiveWeight: 0.1 })
  })

  it('are not blamed on return for calls that began before', () => {
    const { balancer, clock, ejections } = watch(2, { consecutiveFailures: 3, ejectMs: 1000 })
    const a = balancer.get('a')
    if (a === undefined) throw new Error('there is an a')
    const leases = Array.from({ length: 20 }, () => balancer.begin(a))
    for (const lease of leases) lease.failure()
    expect(ejections).toHaveLength(1)
    clock.nowMs += 1000
    balancer.pick()
    calls(balancer, 'a', 'failure', 2)
    expect(ejections).toHaveLength(1)
    calls(balancer, 'a', 'failure')
    expect(ejections).toHaveLength(2)
  })

  it('leave nothing behind when they go, nor to who gets their place', () => {
    const { balancer, ejections } = watch(3, { consecutiveFailures: 2 })
    calls(balancer, 'c', 'success', 10)
    calls(balancer, 'a', 'failure')
    calls(balancer, 'b', 'failure', 2)
    expect(ejected(balancer)).toBe('b')
    balancer.update(['x', 'c', 'y'].map((id) => ({ id, target: id })))
    calls(balancer, 'x', 'failure')
    calls(balancer, 'y', 'failure')
    expect(ejections).toHaveLength(1)
    expect(chosen(balancer)).toBe('cxy')
  })

  it('are not excused by one that is gone', () => {
    const { balancer, ejections } = watch(3, { consecutiveFailures: 3 })
    calls(balancer, 'a', 'failure', 2)
    calls(balancer, 'b', 'failure', 3)
    expect(ejections).toEqual([])
    balancer.update(['b', 'c'].map((id) => ({ id, target: id })))
    calls(balancer, 'b', 'failure')
    expect(ejections).toMatchObject([{ id: 'b' }])
  })

  it('are a matter of who asks: without the option nobody is ejected', () => {
    const { balancer } = open([1, 1], { strategy: roundRobin() })
    calls(balancer, 'a', 'failure', 1000)
    expect(chosen(balancer)).toBe('ab')
    expect(balancer.stats()[0]).toMatchObject({ failures: 1000, state: 'ready' })
  })
})
