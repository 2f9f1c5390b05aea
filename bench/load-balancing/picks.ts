import {
  consistentHash,
  leastConnections,
  LoadBalancer,
  peakEwma,
  random,
  roundRobin,
  type Strategy,
  weighted,
} from '@mreg/load-balancing'
import HashRing from 'hashring'
import { P2cBalancer, RandomBalancer } from 'load-balancers'

import { sample, type Candidate, type Sample } from '../samples.ts'

const CALLS = 200_000
const KEYS = Array.from({ length: 1000 }, (_, index) => `session:${index}`)
const keyAt = (index: number): string => KEYS[index % 1000] ?? ''

/** So that nothing is optimised away. */
let sink = 0

const picking = (name: string, pick: (index: number) => number): Candidate => ({
  name,
  calls: CALLS,
  batch: (calls) => {
    // Small whole numbers need no memory of their own.
    let sum = 0
    for (let index = 0; index < calls; index += 1) sum = (sum + pick(index) + 1) & 0xffff
    sink = Math.max(sink, sum)
  },
})

const balancerOf = (count: number, strategy: Strategy, outliers?: object): LoadBalancer<number> => {
  const balancer = new LoadBalancer<number>({ strategy, outliers })
  balancer.update(
    Array.from({ length: count }, (_, index) => ({
      id: `replica ${index}`,
      target: index,
      weight: strategy.name === 'weighted' ? 1 + (index % 3) : 1,
    })),
  )
  for (const replica of balancer.replicas) balancer.begin(replica).success()
  return balancer
}

const ours = (strategy: Strategy, count: number): Candidate => {
  const balancer = balancerOf(count, strategy)
  if (strategy.name !== 'consistent-hash') {
    return picking(strategy.name, () => balancer.pick()?.target ?? 0)
  }
  const choice = { key: '' }
  return picking(strategy.name, (index) => {
    choice.key = keyAt(index)
    return balancer.pick(undefined, choice)?.target ?? 0
  })
}

/** What a pick costs among so many, beside an array's element and what npm has. */
export const measurePicks = async (count: number): Promise<ReadonlyMap<string, Sample>> => {
  const array = Array.from({ length: count }, (_, index) => index)
  const ids = array.map((index) => `10.0.0.${index}:80`)
  const p2c = new P2cBalancer(count)
  const byChance = new RandomBalancer(count)
  const ring = new HashRing(ids)
  const now = performance.now()
  const timed = balancerOf(count, peakEwma())
  const one = balancerOf(count, peakEwma())
  const excluding = { exclude: one.replicas.slice(0, 1) }
  const ejecting = balancerOf(count, peakEwma(), {
    consecutiveFailures: 1,
    ejectMs: 3_600_000,
    maxEjectMs: 3_600_000,
  })
  const [dead] = ejecting.replicas
  if (dead !== undefined) ejecting.begin(dead).failure()
  const leased = balancerOf(count, peakEwma())
  const withTime = { nowMs: now }
  const candidates = [
    picking('array[i % n]', (index) => array[index % count] ?? 0),
    picking('array[random]', () => array[Math.floor(Math.random() * count)] ?? 0),
    picking('performance.now()', () => performance.now()),
    picking('load-balancers, random', () => byChance.pick()),
    picking('load-balancers, two choices', () => p2c.pick()),
    picking('hashring', (index) => ring.get(keyAt(index)).length),
    ...[random(), roundRobin(), weighted(), leastConnections(), consistentHash(), peakEwma()].map(
      (strategy) => ours(strategy, count),
    ),
    picking('peak-ewma, the caller’s timestamp', () => timed.pick(undefined, withTime)?.target ?? 0),
    picking('peak-ewma, one excluded', () => one.pick(undefined, excluding)?.target ?? 0),
    picking('peak-ewma, one ejected', () => ejecting.pick()?.target ?? 0),
    picking('peak-ewma, a lease and its end', () => {
      leased.acquire()?.success()
      return 1
    }),
  ]
  const samples = await sample(candidates, 11)
  if (sink === 0) throw new Error('nothing was chosen')
  return samples
}

/** How many garbage collections so many picks bring about; chance and clocks hand out numbers that need memory. */
export const countCollections = async (picks: number): Promise<ReadonlyMap<string, number>> => {
  const counted = new Map<string, number>()
  const all = [random(), roundRobin(), weighted(), leastConnections(), consistentHash(), peakEwma()]
  const numbers = [
    picking('Math.random() alone', () => Math.floor(Math.random() * 10)),
    picking('performance.now() alone', () => Math.floor(performance.now()) & 7),
  ]
  for (const { batch, name } of [...numbers, ...all.map((strategy) => ours(strategy, 10))]) {
    await batch(100_000)
    let collections = 0
    const observer = new PerformanceObserver((list) => {
      collections += list.getEntries().length
    })
    observer.observe({ entryTypes: ['gc'] })
    await batch(picks)
    await new Promise((resolve) => setTimeout(resolve, 50))
    observer.disconnect()
    counted.set(name, collections)
  }
  return counted
}
