import type { Clock } from './clock.ts'
import type { EjectionReason } from './outlier/outlier-judge.ts'
import type { OutlierOptions } from './outlier/outlier-options.ts'
import type { SlowStartOptions } from './slow-start.ts'
import type { Strategy } from './strategy/strategy.ts'

/** A replica as its owner knows it. */
export interface ReplicaOptions<Target> {
  /** Unique among the replicas; the same in every process, for `consistentHash`. */
  readonly id: string
  /** What is called: an address, a client, a pool. */
  readonly target: Target
  /** Its share of the work against the others, above 0. Default 1. */
  readonly weight?: number | undefined
}

/** A replica was ejected. */
export interface Ejection {
  readonly id: string
  readonly reason: EjectionReason
  /** For how long, in milliseconds. */
  readonly durationMs: number
}

/** Options of a {@link LoadBalancer}. */
export interface LoadBalancerOptions {
  /** Who is chosen. Default `peakEwma()`. */
  readonly strategy?: Strategy | undefined
  /** How a replica that came new or came back is given work. Default: at once all of its share. */
  readonly slowStart?: SlowStartOptions | undefined
  /** When a replica is left out because it fails and the others do not. Default: never. */
  readonly outliers?: OutlierOptions | undefined
  /** Is told each ejection. What it throws reaches who ended the call. Default: nobody is. */
  readonly onEjected?: ((ejection: Ejection) => void) | undefined
  /** Default: `performance.now()`. */
  readonly clock?: Clock | undefined
  /** Numbers from 0 to below 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** A replica at one moment, as plain data. */
export interface ReplicaStats {
  readonly id: string
  readonly state: 'ready' | 'warming' | 'ejected' | 'draining'
  readonly weight: number
  /** Its weight now: less while it warms up, 0 while it is ejected or drains. */
  readonly effectiveWeight: number
  readonly inFlight: number
  readonly successes: number
  readonly failures: number
}
