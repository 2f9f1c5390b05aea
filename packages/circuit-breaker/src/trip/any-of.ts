import { check } from '../checks.ts'
import type { TripRule, TripWindow, WindowSnapshot, WindowTotals } from './trip-rule.ts'

/** Every window hears every verdict, also after one has had enough. */
class AnyOfWindow implements TripWindow {
  readonly #windows: readonly TripWindow[]

  constructor(windows: readonly TripWindow[]) {
    this.#windows = windows
  }

  record(failed: boolean, slow: boolean, now: number): boolean {
    let tripped = false
    for (const window of this.#windows) {
      if (window.record(failed, slow, now)) tripped = true
    }
    return tripped
  }

  totals(now: number): WindowTotals {
    const totals = this.#windows.map((window) => window.totals(now))
    const most = (key: keyof WindowTotals): number => Math.max(...totals.map((each) => each[key]))
    return { calls: most('calls'), failures: most('failures'), slow: most('slow') }
  }

  save(now: number): WindowSnapshot {
    return this.#windows.map((window) => window.save(now))
  }

  load(saved: WindowSnapshot, now: number): boolean {
    return (
      saved.length === this.#windows.length &&
      this.#windows.every((window, index) => {
        const own = saved[index]
        return Array.isArray(own) && window.load(own, now)
      })
    )
  }

  enter(now: number): void {
    for (const window of this.#windows) window.enter?.(now)
  }

  leave(startedAt: number, now: number): void {
    for (const window of this.#windows) window.leave?.(startedAt, now)
  }

  overdueSince(now: number): number | undefined {
    const since = this.#windows.map((window) => window.overdueSince?.(now) ?? Infinity)
    const earliest = Math.min(...since)
    return earliest === Infinity ? undefined : earliest
  }
}

/**
 * Opens when any of the rules would. Its totals are the largest of theirs.
 *
 * @throws TypeError without a rule
 */
export function anyOf(...rules: readonly TripRule[]): TripRule {
  check(
    'anyOf',
    rules,
    rules.length > 0 && rules.every((rule) => typeof rule?.open === 'function'),
    'trip rules',
  )
  return Object.freeze({
    timed: rules.some((rule) => rule.timed),
    countsSlowCalls: rules.some((rule) => rule.countsSlowCalls),
    watchesCalls: rules.some((rule) => rule.watchesCalls),
    open: (now: number) => new AnyOfWindow(rules.map((rule) => rule.open(now))),
  })
}
