import { check, checkCount, isAtLeast } from '../checks.ts'
import { Rates, type RateOptions } from './rates.ts'
import type { TripRule, TripWindow, WindowSnapshot, WindowTotals } from './trip-rule.ts'

const FAILED = 1
const SLOW = 2

/** The last `size` verdicts, two bits each, so that 256 calls take 64 bytes. */
class CountWindow implements TripWindow {
  readonly #size: number
  readonly #rates: Rates
  readonly #bits: Uint8Array
  #next = 0
  // The totals, kept as verdicts come and go: nothing is ever summed up.
  calls = 0
  failures = 0
  slow = 0

  constructor(size: number, rates: Rates) {
    this.#size = size
    this.#rates = rates
    this.#bits = new Uint8Array(Math.ceil(size / 4))
  }

  record(failed: boolean, slow: boolean): boolean {
    this.#push((failed ? FAILED : 0) | (slow ? SLOW : 0))
    return this.#rates.reachedBy(this)
  }

  totals(): WindowTotals {
    return { calls: this.calls, failures: this.failures, slow: this.slow }
  }

  save(): WindowSnapshot {
    return Array.from({ length: this.calls }, (_, age) =>
      this.#verdictAt((this.#next - this.calls + age + this.#size) % this.#size),
    )
  }

  load(saved: WindowSnapshot): boolean {
    const fits = saved.length <= this.#size && saved.every((verdict) => isAtLeast(verdict, 0) && verdict <= 3)
    if (fits) for (const verdict of saved) this.#push(Number(verdict))
    return fits
  }

  #push(verdict: number): void {
    const at = this.#next
    if (this.calls === this.#size) this.#add(this.#verdictAt(at), -1)
    const shift = (at & 3) * 2
    this.#bits[at >> 2] = ((this.#bits[at >> 2] ?? 0) & ~(3 << shift)) | (verdict << shift)
    this.#add(verdict, 1)
    this.#next = at + 1 === this.#size ? 0 : at + 1
  }

  #verdictAt(at: number): number {
    return ((this.#bits[at >> 2] ?? 0) >> ((at & 3) * 2)) & 3
  }

  #add(verdict: number, by: 1 | -1): void {
    this.calls += by
    if (verdict & FAILED) this.failures += by
    if (verdict & SLOW) this.slow += by
  }
}

export interface CountWindowOptions extends RateOptions {
  /** How many of the last calls count, 1 to 1 000 000. Default 100. */
  readonly size?: number | undefined
  /** Default: `size`, so that nothing is judged before the window is full. At most `size`. */
  readonly minCalls?: number | undefined
}

/**
 * Opens at a rate of failed or slow calls among the last `size` calls, however long ago they were.
 *
 * @throws RangeError, TypeError naming the option that cannot be
 */
export function countWindow(options: CountWindowOptions = {}): TripRule {
  const { size = 100, minCalls = size } = options
  checkCount('size', size, 1)
  check('size', size, size <= 1_000_000, 'at most 1000000')
  const rates = new Rates({ ...options, minCalls })
  check('minCalls', minCalls, minCalls <= size, 'at most size')
  return Object.freeze({
    countsSlowCalls: rates.slowRate <= 1,
    open: () => new CountWindow(size, rates),
  })
}
