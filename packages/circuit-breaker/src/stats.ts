import type { CircuitMode, CircuitPhase, CircuitState } from './circuit-state.ts'
import type { WindowTotals } from './trip/trip-rule.ts'

/** A move between phases, as a key: `closed->open`. */
export type CircuitEdge = `${CircuitPhase}->${CircuitPhase}`

/** Refused calls by reason. */
export interface RejectionCounts {
  readonly open: number
  readonly probing: number
  readonly isolated: number
}

/**
 * What a breaker has counted since it was made, and how it stands. Counters only grow;
 * `acquired = successes + failures + ignored + stale + outstanding`, always.
 */
export interface CircuitStats {
  readonly state: CircuitState
  readonly mode: CircuitMode
  /** Permits given, and outcomes taken by `record`. */
  readonly acquired: number
  /** Permits not settled yet. */
  readonly outstanding: number
  readonly successes: number
  readonly failures: number
  readonly ignored: number
  /** Results that arrived from before the last transition. */
  readonly stale: number
  readonly rejected: RejectionCounts
  readonly transitions: Readonly<Partial<Record<CircuitEdge, number>>>
  /** Openings in a row that the backoff grows by. */
  readonly openings: number
  /** What the trip rule holds; all 0 unless closed. */
  readonly window: WindowTotals
  /** The error of the last opening, by name and message only: the object itself is not kept. */
  readonly lastFailure: FailureSummary | undefined
}

export interface FailureSummary {
  readonly name: string
  readonly message: string
}

export const NO_CALLS: WindowTotals = Object.freeze({ calls: 0, failures: 0, slow: 0 })
