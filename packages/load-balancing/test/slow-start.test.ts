import { describe, expect, it } from 'vitest'

import {
  leastConnections,
  type LoadBalancer,
  peakEwma,
  random,
  roundRobin,
  type Strategy,
  weighted,
} from '../src/index.ts'
import { countBy, expectShares } from './support/chi-square.ts'
import { open, type Opened, pickId } from './support/replicas.ts'

const slowStart = { durationMs: 1000, from: 0.2 }

/** Two that are warm, and a third that has just come. */
const openWithNew = (strategy: Strategy, weight = 1): Opened => {
  const opened = open([1, 1], { strategy, slowStart })
  const ids = ['a', 'b', 'c']
  opened.balancer.update(ids.map((id) => ({ id, target: id, weight: id === 'c' ? weight : 1 })))
  return { ...opened, ids }
}

const weightsOf = (balancer: LoadBalancer<string>): Record<string, number> =>
  Object.fromEntries(balancer.stats().map(({ id, effectiveWeight }) => [id, effectiveWeight]))

describe('slow start', () => {
  it('grows from its share to all of it in a straight line', () => {
    const { balancer, clock } = openWithNew(random(), 4)
    const begunMs = clock.nowMs
    for (const [passedMs, share] of [
      [0, 0.2],
      [100, 0.2],
      [200, 0.2],
      [250, 0.25],
      [500, 0.5],
      [999, 0.999],
      [1000, 1],
      [100_000, 1],
    ] as const) {
      clock.nowMs = begunMs + passedMs
      expect(weightsOf(balancer)['c']).toBeCloseTo(4 * share, 9)
      expect(weightsOf(balancer)).toMatchObject({ a: 1, b: 1 })
      expect(balancer.stats()[2]?.state).toBe(passedMs < 1000 ? 'warming' : 'ready')
    }
  })

  it.each([roundRobin(), weighted()])('gives exact shares of the turns on the way: $name', (strategy) => {
    const { balancer, clock, ids } = openWithNew(strategy)
    for (const [passedMs, expected] of [
      [0, [500, 500, 100]],
      [500, [440, 440, 220]],
      [1000, [367, 367, 367]],
    ] as const) {
      clock.nowMs += passedMs
      const counts = countBy(ids, () => pickId(balancer), 1100)
      counts.forEach((count, index) => {
        expect(Math.abs(count - (expected[index] ?? 0))).toBeLessThanOrEqual(2)
      })
    }
  })

  it('gives a share of the chances on the way', () => {
    const { balancer, clock, ids } = openWithNew(random())
    expectShares(
      countBy(ids, () => pickId(balancer), 20_000),
      [1, 1, 0.2],
    )
    clock.nowMs += 600
    expectShares(
      countBy(ids, () => pickId(balancer), 20_000),
      [1, 1, 0.6],
    )
  })

  it('gives a share of the calls under way on the way', () => {
    const { balancer } = openWithNew(leastConnections())
    for (let call = 0; call < 220; call += 1) balancer.acquire()
    expect(balancer.replicas.map(({ inFlight }) => Math.round(inFlight / 20))).toEqual([5, 5, 1])
  })

  it('makes one that warms up look dearer to peak-EWMA', () => {
    const opened = open([1], { strategy: peakEwma(), slowStart })
    const { balancer, clock } = opened
    balancer.update(['a', 'b'].map((id) => ({ id, target: id })))
    for (const replica of balancer.replicas) {
      balancer.begin(replica, clock.nowMs - (replica.id === 'a' ? 100 : 30)).success(clock.nowMs)
    }
    // 30 / 0.2 is more than 100, 30 / 0.5 is less.
    expect(pickId(balancer)).toBe('a')
    clock.nowMs += 500
    expect(pickId(balancer)).toBe('b')
  })

  it('is not for the first ones, nor where all are new', () => {
    const { balancer } = open([1, 1], { slowStart })
    expect(weightsOf(balancer)).toEqual({ a: 1, b: 1 })
    balancer.update(['x', 'y'].map((id) => ({ id, target: id })))
    expect(weightsOf(balancer)).toEqual({ x: 1, y: 1 })
    balancer.update(['x', 'y', 'a'].map((id) => ({ id, target: id })))
    expect(weightsOf(balancer)).toEqual({ x: 1, y: 1, a: 0.2 })
  })

  it('is for one that was drained, and one whose owner says so', () => {
    const { balancer, clock } = open([1, 1], { slowStart })
    void balancer.drain('a')
    expect(weightsOf(balancer)).toEqual({ a: 0, b: 1 })
    balancer.resume('a')
    expect(weightsOf(balancer)).toEqual({ a: 0.2, b: 1 })
    clock.nowMs += 1000
    expect(weightsOf(balancer)).toEqual({ a: 1, b: 1 })
    balancer.warmUp('b')
    expect(weightsOf(balancer)).toEqual({ a: 1, b: 0.2 })
    for (const name of ['resume', 'warmUp'] as const) balancer[name]('nobody')
  })

  it('is over for good once it is over: the clock is not asked any more', () => {
    const { balancer, clock } = openWithNew(roundRobin())
    balancer.pick()
    expect(clock.readings).toBeGreaterThan(0)
    clock.nowMs += 1000
    balancer.pick()
    const { readings } = clock
    for (let pick = 0; pick < 10; pick += 1) balancer.pick()
    expect(clock.readings).toBe(readings)
  })

  it('leaves uneven weights as they are once it is over', () => {
    const { balancer, clock, ids } = openWithNew(weighted(), 3)
    balancer.pick()
    clock.nowMs += 1000
    const counts = countBy(ids, () => pickId(balancer), 1000)
    counts.forEach((count, index) => {
      expect(Math.abs(count - (index === 2 ? 600 : 200))).toBeLessThanOrEqual(3)
    })
  })

  it('does not happen unless it is asked for', () => {
    const { balancer } = open([1])
    balancer.update(['a', 'b'].map((id) => ({ id, target: id })))
    balancer.warmUp('a')
    expect(weightsOf(balancer)).toEqual({ a: 1, b: 1 })
  })
})
