import { isAtLeast, isRecord } from './checks.ts'
import type { CircuitPhase } from './circuit-state.ts'
import { isTransitionRecord, type TransitionRecord } from './transition-record.ts'
import type { WindowSnapshot } from './trip/trip-rule.ts'

/**
 * A breaker as plain data, for a disk, a store or another process. Durations and one wall-clock stamp; no monotonic time,
 * no counters, no isolation (an isolation belongs to whoever holds its handle) and no reference into the breaker.
 */
export interface CircuitSnapshot {
  readonly version: 1
  readonly name: string
  /** Wall-clock milliseconds since 1970. */
  readonly takenAt: number
  readonly phase: CircuitPhase
  /** Milliseconds in this phase. */
  readonly phaseAgeMs: number
  /** Rest of the open period; 0 unless `open`. */
  readonly openRemainingMs: number
  /** Length of the last open period. */
  readonly openForMs: number
  readonly openings: number
  /** Random part of the next open period, 0 to 1. */
  readonly jitter: number
  /** Probes passed and failed so far; 0 unless `half-open`. */
  readonly passed: number
  readonly failed: number
  /** What the trip rule held; null when nothing. */
  readonly window: WindowSnapshot | null
  /** The last shared transition; null when there was none. */
  readonly record: TransitionRecord | null
}

const NUMBERS = 'takenAt phaseAgeMs openRemainingMs openForMs openings jitter passed failed'.split(' ')

/** Throws a TypeError that names the first field which is not what a snapshot has there. */
export function checkSnapshot(value: unknown): asserts value is CircuitSnapshot {
  const snapshot = isRecord(value) ? value : {}
  const { version, phase, window, record } = snapshot
  const fault =
    version !== 1
      ? 'version'
      : phase !== 'closed' && phase !== 'open' && phase !== 'half-open'
        ? 'phase'
        : window !== null && !Array.isArray(window)
          ? 'window'
          : record !== null && !isTransitionRecord(record)
            ? 'record'
            : NUMBERS.find((field) => !isAtLeast(snapshot[field], 0))
  if (fault) throw new TypeError(`circuit breaker snapshot: "${fault}" is not valid`)
}
