import type { Outcome } from '../lease.ts'
import type { Replica } from '../replica.ts'

/** What a pick is about. The object is used again for the next one: do not keep it. */
export interface Situation {
  /** What the call belongs to, if the caller said. */
  readonly key: string | undefined
  /** The time of the balancer's clock; `-Infinity` unless the selector `readsClock` or a replica is warming up. */
  readonly nowMs: number
  /** Whether all candidates have the same weight now: then there is no need to look. */
  readonly isEven: boolean
  /** Whether somebody only looks: whoever is chosen then must not be remembered. */
  readonly isPreview: boolean
}

/** What decides within one balancer. It may remember, and must not keep the arrays that it is given. */
export interface Selector {
  /** Whether `nowMs` is needed for each pick. Default false: reading a clock is most of what a pick costs. */
  readonly readsClock?: boolean | undefined
  /**
   * Chooses one of `candidates`: two or more, all of which may be used. It should not allocate.
   */
  select<Target>(candidates: readonly Replica<Target>[], situation: Situation): Replica<Target>
  /** A replica is new, and its `slot` may have been another's. */
  joined?(replica: Replica): void
  /** A call to `replica` has ended after `latencyMs`; it is no longer in its `inFlight`. */
  ended?(replica: Replica, latencyMs: number, outcome: Outcome, nowMs: number): void
}

/** A way to choose: an immutable description, safe to share. Write your own by implementing it. */
export interface Strategy {
  /** For people: `round-robin`. */
  readonly name: string
  /** Makes what decides within one balancer. `random` gives numbers from 0 to below 1. */
  create(random: () => number): Selector
}
