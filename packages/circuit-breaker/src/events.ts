import type { CircuitMode, CircuitPhase } from './circuit-state.ts'
import type { RejectReason } from './errors.ts'
import type { Outcome } from './outcome.ts'
import type { TransitionRecord } from './transition-record.ts'

/**
 * Why the circuit moved. `threshold`: the trip rule. `overdue`: too many calls in flight beyond `slowMs`. `retry-after`:
 * a verdict with `openMs`. `elapsed`: the open period is over. `probe-failed`, `probe-timeout`, `recovered`: half-open
 * ended. `manual`: `trip`, `reset` or a change of mode. `remote`: another process's record. `restored`: a snapshot.
 */
export type TransitionReason =
  | 'threshold'
  | 'overdue'
  | 'retry-after'
  | 'elapsed'
  | 'probe-failed'
  | 'probe-timeout'
  | 'recovered'
  | 'manual'
  | 'remote'
  | 'restored'

/** The circuit moved from one phase to another. Every move gives exactly one, and `from` is always the last one's `to`. */
export interface TransitionEvent {
  readonly type: 'transition'
  /** The breaker's name; in a registry, its key. */
  readonly name: string
  readonly from: CircuitPhase
  readonly to: CircuitPhase
  readonly reason: TransitionReason
  /** When, in milliseconds of the breaker's own monotonic clock. */
  readonly at: number
  /** How long it opened for, in milliseconds; 0 unless `to` is `open`. */
  readonly openMs: number
  /** How many openings in a row this is, before which the open period grows. */
  readonly openings: number
  readonly mode: CircuitMode
  /** The error that decided, when there was one. Not kept by the breaker. */
  readonly cause: unknown
  /** What to tell other processes; undefined when this move is not theirs to know. */
  readonly record: TransitionRecord | undefined
}

/** A call was refused (in mode `observe`: would have been). */
export interface RejectEvent {
  readonly type: 'reject'
  readonly name: string
  readonly reason: RejectReason
}

/** A result arrived from before the last transition: it was counted as stale and moved nothing. */
export interface StaleEvent {
  readonly type: 'stale'
  readonly name: string
  readonly outcome: Outcome
}

/** The first isolation began, or the last one ended. */
export interface IsolationEvent {
  readonly type: 'isolation'
  readonly name: string
  readonly isolated: boolean
  /** What was given to `isolate`. */
  readonly reason: string | undefined
}

export type CircuitEvent = TransitionEvent | RejectEvent | StaleEvent | IsolationEvent
export type CircuitEventType = CircuitEvent['type']
/** The event of one type. */
export type CircuitEventOf<Type extends CircuitEventType> = Extract<CircuitEvent, { readonly type: Type }>
