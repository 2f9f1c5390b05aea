import { checkCount, isAtLeast } from '../checks.ts'
import type { TripRule, TripWindow, WindowSnapshot, WindowTotals } from './trip-rule.ts'

class ConsecutiveWindow implements TripWindow {
  readonly #failures: number
  #streak = 0

  constructor(failures: number) {
    this.#failures = failures
  }

  record(failed: boolean): boolean {
    this.#streak = failed ? this.#streak + 1 : 0
    return this.#streak >= this.#failures
  }

  totals(): WindowTotals {
    return { calls: this.#streak, failures: this.#streak, slow: 0 }
  }

  save(): WindowSnapshot {
    return [this.#streak]
  }

  load([streak]: WindowSnapshot): boolean {
    const fits = isAtLeast(streak, 0)
    if (fits) this.#streak = streak
    return fits
  }
}

/**
 * Opens after this many failures in a row; a success starts the count again, time does not. Its own counter, never part
 * of a time window, so sparse failures still add up.
 *
 * @param failures 1 or more; 5 when undefined
 * @throws RangeError, TypeError when `failures` is not a whole number of at least 1
 */
export function consecutive(failures = 5): TripRule {
  checkCount('failures', failures, 1)
  return Object.freeze({ open: () => new ConsecutiveWindow(failures) })
}
