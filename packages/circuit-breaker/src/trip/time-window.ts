import { check, checkCount, checkPositive, isAtLeast } from '../checks.ts'
import { Rates, type RateOptions } from './rates.ts'
import type { TripRule, TripWindow, WindowSnapshot, WindowTotals } from './trip-rule.ts'

/** Counters per bucket: calls, failures, slow calls. */
const WIDTH = 3

/**
 * The calls of the last `windowMs`, in `buckets` steps: the oldest bucket goes as a whole. Fixed size, and turned by the
 * calls themselves, so an idle window is empty the moment it is looked at.
 */
class TimeWindow implements TripWindow {
  readonly #buckets: number
  readonly #bucketMs: number
  readonly #rates: Rates
  readonly #counts: Uint32Array
  #head = 0
  /** When the bucket at `#head` began. */
  #headSince: number
  // The totals, kept as buckets come and go.
  calls = 0
  failures = 0
  slow = 0

  constructor(buckets: number, bucketMs: number, rates: Rates, now: number) {
    this.#buckets = buckets
    this.#bucketMs = bucketMs
    this.#rates = rates
    this.#counts = new Uint32Array(buckets * WIDTH)
    this.#headSince = now
  }

  record(failed: boolean, slow: boolean, now: number): boolean {
    this.#turn(now)
    this.#add(this.#head, 1, failed ? 1 : 0, slow ? 1 : 0)
    return this.#rates.reachedBy(this)
  }

  totals(now: number): WindowTotals {
    const buckets = this.#countsAt(now)
    const sum = (column: number): number =>
      buckets.reduce((total, bucket) => total + (bucket[column] ?? 0), 0)
    return { calls: sum(0), failures: sum(1), slow: sum(2) }
  }

  /** The age of the newest bucket, then the buckets' counters, newest first. */
  save(now: number): WindowSnapshot {
    const age = Math.max(0, now - this.#headSince - this.#turnsAt(now) * this.#bucketMs)
    return [age, ...this.#countsAt(now)]
  }

  load(saved: WindowSnapshot, now: number): boolean {
    const [age, ...buckets] = saved
    const fits =
      isAtLeast(age, 0) &&
      buckets.length <= this.#buckets &&
      buckets.every((bucket) => Array.isArray(bucket) && bucket.every((count) => isAtLeast(count, 0)))
    if (!fits) return false
    this.#headSince = now - age
    buckets.forEach((bucket, turnsAgo) => {
      const [calls = 0, failures = 0, slow = 0] = Array.isArray(bucket) ? bucket.map(Number) : []
      this.#add(this.#before(turnsAgo), calls, failures, slow)
    })
    return true
  }

  #turnsAt(now: number): number {
    return Math.max(0, Math.floor((now - this.#headSince) / this.#bucketMs))
  }

  #turn(now: number): void {
    const age = now - this.#headSince
    if (age >= 0 && age < this.#bucketMs) return
    const turns = this.#turnsAt(now)
    // After a clock that went back by more than the window, nothing in it can be believed.
    const wentBack = now < this.#headSince - this.#buckets * this.#bucketMs
    if (wentBack) this.#headSince = now
    if (wentBack || turns >= this.#buckets) {
      this.#counts.fill(0)
      this.calls = this.failures = this.slow = 0
    } else {
      for (let turn = 0; turn < turns; turn++) {
        this.#head = this.#head + 1 === this.#buckets ? 0 : this.#head + 1
        const [calls = 0, failures = 0, slow = 0] = this.#bucket(this.#head)
        this.#add(this.#head, -calls, -failures, -slow)
      }
    }
    this.#headSince += turns * this.#bucketMs
  }

  #add(bucket: number, calls: number, failures: number, slow: number): void {
    const at = bucket * WIDTH
    this.#counts[at] = (this.#counts[at] ?? 0) + calls
    this.#counts[at + 1] = (this.#counts[at + 1] ?? 0) + failures
    this.#counts[at + 2] = (this.#counts[at + 2] ?? 0) + slow
    this.calls += calls
    this.failures += failures
    this.slow += slow
  }

  #bucket(bucket: number): Uint32Array {
    return this.#counts.subarray(bucket * WIDTH, bucket * WIDTH + WIDTH)
  }

  /** The counters of every bucket as of `now`, newest first: those that no call has turned to yet are empty. */
  #countsAt(now: number): number[][] {
    const turns = this.#turnsAt(now)
    return Array.from({ length: this.#buckets }, (_, turnsAgo) =>
      turnsAgo < turns ? [0, 0, 0] : [...this.#bucket(this.#before(turnsAgo - turns))],
    )
  }

  #before(turnsAgo: number): number {
    return (this.#head - turnsAgo + this.#buckets) % this.#buckets
  }
}

export interface TimeWindowOptions extends RateOptions {
  /** How far back calls count, in milliseconds. Default 10 000. */
  readonly windowMs?: number | undefined
  /** In how many steps it moves, 1 to 1000. Default 10. */
  readonly buckets?: number | undefined
  /** Default 10. */
  readonly minCalls?: number | undefined
  /** Opens at this many failures in the window, whatever their share and `minCalls`. Default: not looked at. */
  readonly failures?: number | undefined
}

/**
 * Opens at a rate of failed or slow calls, or a number of failures, within the last `windowMs`.
 *
 * @throws RangeError, TypeError naming the option that cannot be
 */
export function timeWindow(options: TimeWindowOptions = {}): TripRule {
  const { windowMs = 10_000, buckets = 10, minCalls = 10, failures } = options
  checkPositive('windowMs', windowMs)
  checkCount('buckets', buckets, 1)
  check('buckets', buckets, buckets <= 1000, 'at most 1000')
  if (failures !== undefined) checkCount('failures', failures, 1)
  const rates = new Rates({ ...options, minCalls }, failures)
  return Object.freeze({
    timed: true,
    countsSlowCalls: rates.slowRate <= 1,
    open: (now: number) => new TimeWindow(buckets, windowMs / buckets, rates, now),
  })
}
