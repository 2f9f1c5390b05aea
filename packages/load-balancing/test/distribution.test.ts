import { describe, expect, it } from 'vitest'

import { leastConnections, peakEwma, random, roundRobin, type Strategy, weighted } from '../src/index.ts'
import { countBy, expectShares } from './support/chi-square.ts'
import { open, pickId } from './support/replicas.ts'

const SEEDS = [1, 2, 3, 4, 5]

const notB = ({ id }: { readonly id: string }): boolean => id !== 'b'

/** So many, of which each has been measured: the first takes 1 ms, each next one `stepMs` more. */
const measured = (
  count: number,
  { seed, stepMs, strategy }: { readonly seed: number; readonly stepMs: number; readonly strategy: Strategy },
): ReturnType<typeof open> => {
  const weights = Array.from({ length: count }, () => 1)
  const opened = open(weights, { strategy, seed })
  opened.balancer.replicas.forEach((replica, index) => {
    const { nowMs } = opened.clock
    opened.balancer.begin(replica, nowMs - 1 - index * stepMs).success(nowMs)
  })
  return opened
}

/** How far the loads of ten equals differ with 10 000 calls under way, as a share of the highest. */
const spreadOf = (strategy: Strategy): number => {
  const { balancer } = measured(10, { seed: 3, stepMs: 0, strategy })
  for (let call = 0; call < 10_000; call += 1) balancer.acquire()
  const loads = balancer.replicas.map(({ inFlight }) => inFlight)
  return (Math.max(...loads) - Math.min(...loads)) / Math.max(...loads)
}

describe('round-robin', () => {
  it('chooses everyone once in each round, whatever the weights', () => {
    for (const seed of SEEDS) {
      const { balancer, ids } = open([1, 50, 3, 7], { strategy: roundRobin(), seed })
      for (let round = 0; round < 50; round += 1) {
        expect(ids.map(() => pickId(balancer)).toSorted()).toEqual(ids)
      }
    }
  })

  it('does not favour the neighbour of one that may not be chosen', () => {
    const { balancer, ids } = open([1, 1, 1, 1], { strategy: roundRobin() })
    const eligible = notB
    expect(countBy(ids, () => pickId(balancer, { eligible }), 300)).toEqual([100, 0, 100, 100])
  })

  it('does not begin with the same one in every process', () => {
    const firsts = Array.from({ length: 400 }, (_, seed) =>
      pickId(open([1, 1, 1, 1], { strategy: roundRobin(), seed: seed + 1 }).balancer),
    )
    expectShares(
      countBy(['a', 'b', 'c', 'd'], (index) => firsts[index] ?? '', 400),
      [1, 1, 1, 1],
    )
  })
})

describe('weighted', () => {
  it('chooses each as often as its weight in every run of as many picks as the weights add up to', () => {
    for (const weights of [
      [5, 1, 1],
      [3, 2],
      [10, 20, 30, 40],
      [1, 1, 1],
    ]) {
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const { balancer, ids } = open(weights, { strategy: weighted(), random: () => 0 })
      for (let cycle = 0; cycle < 20; cycle += 1) {
        expect(countBy(ids, () => pickId(balancer), total)).toEqual(weights)
      }
    }
  })

  it('spreads them: nobody is ever more than one pick away from what is due', () => {
    for (const seed of SEEDS) {
      const weights = [0.5, 4, 1.5, 2, 7]
      const { balancer, ids } = open(weights, { strategy: weighted(), seed })
      const counts = new Map(ids.map((id) => [id, 0]))
      for (let pick = 1; pick <= 1500; pick += 1) {
        const id = pickId(balancer)
        counts.set(id, (counts.get(id) ?? 0) + 1)
        ids.forEach((each, index) => {
          const due = (pick * (weights[index] ?? 0)) / 15
          expect(Math.abs((counts.get(each) ?? 0) - due)).toBeLessThan(2)
        })
      }
    }
  })

  it('is A B A and not A A B', () => {
    const { balancer } = open([2, 1], { strategy: weighted(), random: () => 0 })
    expect(Array.from({ length: 6 }, () => pickId(balancer)).join('')).toBe('abaaba')
  })
})

describe('random', () => {
  it.each([
    [1, 1, 1, 1],
    [1, 2, 3, 4],
    [0.1, 10],
  ])('chooses by chance, each as likely as its weight: %j', (...weights) => {
    for (const seed of SEEDS) {
      const { balancer, ids } = open(weights, { strategy: random(), seed })
      expectShares(
        countBy(ids, () => pickId(balancer), 20_000),
        weights,
      )
    }
  })

  it('remembers nothing: pairs of picks are as likely as their parts', () => {
    const { balancer } = open([1, 1, 1], { strategy: random(), seed: 7 })
    const pairs = ['a', 'b', 'c'].flatMap((one) => ['a', 'b', 'c'].map((other) => one + other))
    expectShares(
      countBy(pairs, () => pickId(balancer) + pickId(balancer), 20_000),
      pairs.map(() => 1),
    )
  })
})

describe('least-connections', () => {
  it('always chooses one with the fewest calls for its weight', () => {
    const weights = [1, 2, 3, 1.5]
    const { balancer } = open(weights, { strategy: leastConnections() })
    for (let call = 0; call < 300; call += 1) {
      const loads = balancer.replicas.map(({ inFlight, weight }) => (inFlight + 1) / weight)
      const replica = balancer.pick()
      if (replica === undefined) throw new Error('there are four')
      expect((replica.inFlight + 1) / replica.weight).toBe(Math.min(...loads))
      const lease = balancer.begin(replica)
      if (call % 3 === 0) lease.success()
    }
    // Filled up, the calls are as the weights: 200 calls, of which 1 to 3 each are the last to come.
    balancer.replicas.forEach(({ inFlight, weight }) => {
      expect(Math.abs(inFlight - (200 * weight) / 7.5)).toBeLessThan(3)
    })
  })

  it('chooses by chance among equals', () => {
    for (const seed of SEEDS) {
      const { balancer, ids } = open([1, 1, 1, 1, 1], { strategy: leastConnections(), seed })
      expectShares(
        countBy(ids, () => pickId(balancer), 20_000),
        [1, 1, 1, 1, 1],
      )
    }
  })
})

describe('peak-EWMA with two choices', () => {
  it('chooses the n-th best of N as often as it is the better of two: 2(N-n) / N(N-1)', () => {
    for (const count of [2, 3, 5, 10]) {
      for (const seed of SEEDS) {
        const { balancer, ids } = measured(count, { seed, stepMs: 1, strategy: peakEwma() })
        const counts = countBy(ids, () => pickId(balancer), 20_000)
        // The last one is never the better of two.
        expect(counts.pop()).toBe(0)
        const shares = counts.map((_, index) => (2 * (count - index - 1)) / (count * (count - 1)))
        if (counts.length > 1) expectShares(counts, shares)
      }
    }
  })

  it('evens out what is under way, where chance alone leaves differences', () => {
    expect(spreadOf(peakEwma())).toBeLessThan(0.01)
    expect(spreadOf(random())).toBeGreaterThan(0.05)
  })
})
