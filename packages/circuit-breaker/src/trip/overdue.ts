import { checkCount, checkPositive, isAtLeast } from '../checks.ts'
import type { TripRule, TripWindow, WindowSnapshot, WindowTotals } from './trip-rule.ts'

/** Start times are kept in this many steps of `afterMs`: a call is seen to be overdue at most one step late. */
const STEPS = 8
const BUCKETS = STEPS + 1
const NOTHING: WindowTotals = Object.freeze({ calls: 0, failures: 0, slow: 0 })

/** Counts calls in flight by when they started. Fixed size: a counter for each step, and one for everything older. */
class OverdueWindow implements TripWindow {
  readonly #calls: number
  readonly #stepMs: number
  /** Where the steps begin. */
  #origin: number
  readonly #counts = new Uint32Array(BUCKETS)
  /** The latest step that was seen. */
  #head = 0
  #overdue = 0

  constructor(calls: number, afterMs: number, now: number) {
    this.#calls = calls
    this.#stepMs = afterMs / STEPS
    this.#origin = now
  }

  record(): boolean {
    return false
  }

  enter(now: number): void {
    this.#bump(now, now, 1)
  }

  leave(startedAt: number, now: number): void {
    this.#bump(startedAt, now, -1)
  }

  overdueSince(now: number): number | undefined {
    let count = this.#overdue
    for (let step = this.#head - STEPS; step <= this.#head; step++) {
      const at = this.#origin + (step + BUCKETS) * this.#stepMs
      if (at > now) return undefined
      count += this.#counts[bucketOf(step)] ?? 0
      if (count >= this.#calls) return at
    }
    return undefined
  }

  totals(): WindowTotals {
    return NOTHING
  }

  /** Calls in flight end with their process: all there is to save is where in a step it was. */
  save(now: number): WindowSnapshot {
    return [Math.max(0, now - this.#origin) % this.#stepMs]
  }

  load([age]: WindowSnapshot, now: number): boolean {
    const fits = isAtLeast(age, 0)
    if (fits) this.#origin = now - age
    return fits
  }

  #bump(startedAt: number, now: number, by: 1 | -1): void {
    const target = this.#stepAt(now)
    for (let moved = 0; this.#head < target && moved < BUCKETS; moved++) {
      const oldest = bucketOf(++this.#head)
      this.#overdue += this.#counts[oldest] ?? 0
      this.#counts[oldest] = 0
    }
    this.#head = Math.max(this.#head, target)
    const step = this.#stepAt(startedAt)
    if (this.#head - step > STEPS) this.#overdue += by
    else this.#counts[bucketOf(step)] = (this.#counts[bucketOf(step)] ?? 0) + by
  }

  #stepAt(time: number): number {
    return Math.floor((time - this.#origin) / this.#stepMs)
  }
}

/** Steps before the origin are negative: a caller may hand in a time that is a little old. */
const bucketOf = (step: number): number => ((step % BUCKETS) + BUCKETS) % BUCKETS

/**
 * Opens while calls hang, before any of them has come back: when `calls` are in flight that started more than `afterMs`
 * ago. Seen by the next call or reading, at most an eighth of `afterMs` late. Join it to a rule about finished calls with
 * `anyOf`.
 *
 * @param options.calls 1 or more
 * @param options.afterMs milliseconds
 * @throws RangeError, TypeError naming the option that cannot be
 */
export function overdue(options: { readonly calls: number; readonly afterMs: number }): TripRule {
  const { calls, afterMs } = options
  checkCount('overdue.calls', calls, 1)
  checkPositive('overdue.afterMs', afterMs)
  return Object.freeze({
    watchesCalls: true,
    open: (now: number) => new OverdueWindow(calls, afterMs, now),
  })
}
