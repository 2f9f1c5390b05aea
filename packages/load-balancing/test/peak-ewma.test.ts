import { describe, expect, it } from 'vitest'

import { type LoadBalancer, type Outcome, peakEwma, type PeakEwmaOptions } from '../src/index.ts'
import { open, type Opened, pickId } from './support/replicas.ts'

/** Two replicas are always both looked at: what is chosen tells which one costs less. */
const openTwo = (options?: PeakEwmaOptions, weights = [1, 1]): Opened =>
  open(weights, { strategy: peakEwma(options) })

const call = (
  { balancer, clock }: Opened,
  id: string,
  latencyMs: number,
  outcome: Outcome = 'success',
): void => {
  const replica = balancer.get(id)
  if (replica === undefined) throw new Error(`there is no ${id}`)
  const lease = balancer.begin(replica, clock.nowMs - latencyMs)
  if (outcome === 'success') lease.success(clock.nowMs)
  else if (outcome === 'failure') lease.failure(clock.nowMs)
  else lease.release(clock.nowMs)
}

const always = (balancer: LoadBalancer<string>): string => {
  const seen = new Set(Array.from({ length: 20 }, () => pickId(balancer)))
  return [...seen].toSorted().join('')
}

describe('peak-EWMA', () => {
  it('chooses the faster of two, and the other one once it has two calls less for half the speed', () => {
    const opened = openTwo()
    const { balancer } = opened
    call(opened, 'a', 10)
    call(opened, 'b', 25)
    expect(always(balancer)).toBe('a')
    const a = balancer.get('a')
    if (a === undefined) throw new Error('there is an a')
    const leases = [balancer.begin(a)]
    // 2 x 10 against 1 x 25
    expect(always(balancer)).toBe('a')
    leases.push(balancer.begin(a))
    // 3 x 10 against 1 x 25
    expect(always(balancer)).toBe('b')
    for (const lease of leases) lease.release()
    expect(always(balancer)).toBe('a')
  })

  it('takes a slower answer at its word and a faster one by and by, as the closed form says', () => {
    // 300 ms after a peak of 200 ms that fades to 200 e^-0.3, 20 ms has the rest of the say.
    const expected = 200 * Math.exp(-0.3) + 20 * (1 - Math.exp(-0.3))
    for (const [other, chosen] of [
      [expected + 0.01, 'a'],
      [expected - 0.01, 'b'],
    ] as const) {
      const opened = openTwo({ decayMs: 1000 })
      call(opened, 'a', 10)
      call(opened, 'a', 200)
      opened.clock.nowMs += 300
      call(opened, 'a', 20)
      call(opened, 'b', other)
      expect(always(opened.balancer)).toBe(chosen)
      // Both fade alike.
      opened.clock.nowMs += 1000
      expect(always(opened.balancer)).toBe(chosen)
    }
  })

  it('forgets that one was slow: after ln(slow/fast) times the decay it is tried again', () => {
    const opened = openTwo({ decayMs: 1000 })
    const { balancer, clock } = opened
    call(opened, 'b', 1000)
    call(opened, 'a', 10)
    let passedMs = 0
    while (always(balancer) === 'a') {
      clock.nowMs += 100
      passedMs += 100
      call(opened, 'a', 10)
    }
    // ln(100) = 4.605
    expect(passedMs).toBe(4700)
  })

  it('does not take one that fails fast for a fast one', () => {
    const opened = openTwo({ failureMs: 500 })
    call(opened, 'a', 100)
    call(opened, 'b', 1, 'failure')
    expect(always(opened.balancer)).toBe('a')
    const slowFailure = openTwo({ failureMs: 500 })
    call(slowFailure, 'a', 600)
    call(slowFailure, 'b', 700, 'failure')
    expect(always(slowFailure.balancer)).toBe('a')
  })

  it('learns from a call that was given up only that it would have taken longer', () => {
    const opened = openTwo()
    call(opened, 'a', 100)
    call(opened, 'b', 50)
    // Long enough for what is seen now to have most of the say.
    opened.clock.nowMs += 20_000
    call(opened, 'a', 0.5, 'ignored')
    expect(always(opened.balancer)).toBe('b')
    // a is 100 e^-2 = 13.53; with a say for the 0.5 it would be 13.97.
    call(opened, 'b', 13.7)
    expect(always(opened.balancer)).toBe('a')
    call(opened, 'b', 30_000, 'ignored')
    expect(always(opened.balancer)).toBe('a')
  })

  it('gives one that nobody has heard of a single call until it answers', () => {
    const opened = openTwo()
    const { balancer, clock } = opened
    call(opened, 'a', 1000)
    const first = balancer.acquire()
    expect(first?.replica.id).toBe('b')
    expect(always(balancer)).toBe('a')
    clock.nowMs += 10
    first?.success()
    expect(always(balancer)).toBe('b')
  })

  it('knows nothing of one that is new, whoever had its place before and still answers', () => {
    const opened = openTwo()
    const { balancer, clock } = opened
    call(opened, 'a', 1000)
    call(opened, 'b', 10)
    const a = balancer.get('a')
    if (a === undefined) throw new Error('there is an a')
    const late = balancer.begin(a)
    balancer.update(['b', 'c'].map((id) => ({ id, target: id })))
    expect(balancer.get('c')?.slot).toBe(a.slot)
    expect(always(balancer)).toBe('c')
    clock.nowMs += 500
    late.success()
    expect(always(balancer)).toBe('c')
  })

  it('expects twice as much of twice the weight', () => {
    const opened = openTwo({}, [1, 2])
    call(opened, 'a', 10)
    call(opened, 'b', 19)
    expect(always(opened.balancer)).toBe('b')
    call(opened, 'b', 21)
    expect(always(opened.balancer)).toBe('a')
  })

  it('bears with a clock that stands still or goes back, and with answers in no time', () => {
    const opened = openTwo()
    const { balancer, clock } = opened
    for (const step of [0, -500, 0, 1000, -1000]) {
      clock.nowMs += step
      for (const id of ['a', 'b']) call(opened, id, 0)
      expect(['a', 'b', 'ab']).toContain(always(balancer))
    }
  })
})
