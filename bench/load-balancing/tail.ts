import {
  leastConnections,
  type Lease,
  LoadBalancer,
  peakEwma,
  random,
  roundRobin,
  type Strategy,
} from '@mreg/load-balancing'

/** What clients waited, in milliseconds. */
export interface Waits {
  readonly p50: number
  readonly p99: number
  /** The share of calls that the slow replica got. */
  readonly slowShare: number
}

const REPLICAS = 5
const WORKERS = 4
const MEAN_MS = 20
const SLOW_FACTOR = 10
const CALLS = 100_000
/** Of what all five could do, if none were slow. */
const LOAD = 0.6

interface Ending {
  readonly atMs: number
  readonly lease: Lease<number>
  readonly arrivedMs: number
}

const seeded = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 0) / 0x1_0000_0000
  }
}

/**
 * Five replicas of four workers each, calls that come and last by chance, and one replica that is ten times slower than the
 * others after a third of them. Time is simulated, so it comes out the same everywhere.
 */
const simulate = (strategy: Strategy): Waits => {
  const chance = seeded(7)
  const exponential = (mean: number): number => -Math.log(1 - chance()) * mean
  let nowMs = 0
  const balancer = new LoadBalancer<number>({ strategy, clock: { now: () => nowMs }, random: seeded(11) })
  balancer.update(Array.from({ length: REPLICAS }, (_, index) => ({ id: `${index}`, target: index })))
  const free = Array.from({ length: REPLICAS }, () => Array.from({ length: WORKERS }, () => 0))
  const endings: Ending[] = []
  const waits: number[] = []
  let slowCalls = 0
  const settle = (untilMs: number): void => {
    endings.sort((one, other) => one.atMs - other.atMs)
    while ((endings[0]?.atMs ?? Infinity) <= untilMs) {
      const ending = endings.shift()
      if (ending === undefined) break
      nowMs = ending.atMs
      ending.lease.success()
      if (ending.arrivedMs > 0) waits.push(ending.atMs - ending.arrivedMs)
    }
    nowMs = Math.max(nowMs, untilMs)
  }
  let arrivalMs = 0
  for (let call = 0; call < CALLS; call += 1) {
    arrivalMs += exponential(MEAN_MS / (REPLICAS * WORKERS * LOAD))
    settle(arrivalMs)
    const isSlowNow = call > CALLS / 3
    const lease = balancer.acquire()
    if (lease === undefined) throw new Error('somebody is always there')
    const { target } = lease.replica
    const workers = free[target] ?? []
    const first = workers.indexOf(Math.min(...workers))
    const isSlow = isSlowNow && target === 0
    if (isSlow) slowCalls += 1
    const lastsMs = exponential(MEAN_MS) * (isSlow ? SLOW_FACTOR : 1)
    const atMs = Math.max(workers[first] ?? 0, nowMs) + lastsMs
    workers[first] = atMs
    endings.push({ atMs, lease, arrivedMs: isSlowNow ? nowMs : 0 })
  }
  settle(Infinity)
  waits.sort((one, other) => one - other)
  const at = (share: number): number => waits[Math.floor(waits.length * share)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), slowShare: slowCalls / waits.length }
}

/** What clients wait when one of five replicas becomes ten times slower. */
export const measureTails = (): ReadonlyMap<string, Waits> =>
  new Map(
    [roundRobin(), random(), leastConnections(), peakEwma()].map((strategy) => [
      strategy.name,
      simulate(strategy),
    ]),
  )
