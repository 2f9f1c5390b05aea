import { checkCount, checkShare } from '../checks.ts'
import type { WindowTotals } from './trip-rule.ts'

/** What a window must hold for the circuit to open. Each is reached at its value, not above it. */
export interface RateOptions {
  /** Fewer calls than this prove nothing: no rate is looked at. */
  readonly minCalls?: number | undefined
  /** Share of calls that failed, above 0 up to 1. Default 0.5, unless another of these is given. */
  readonly failureRate?: number | undefined
  /** Share of calls that were slow (longer than the option `slowMs`), above 0 up to 1. Default: not looked at. */
  readonly slowRate?: number | undefined
}

/** The limits of one rule: checked once, asked at each verdict. */
export class Rates {
  readonly minCalls: number
  readonly failures: number
  readonly failureRate: number
  readonly slowRate: number

  constructor({ minCalls = 1, failureRate, slowRate }: RateOptions, failures = Infinity) {
    const none = slowRate === undefined && failures === Infinity
    this.minCalls = checkCount('minCalls', minCalls, 1)
    this.failures = failures
    this.failureRate = limitOf('failureRate', failureRate, none ? 0.5 : undefined)
    this.slowRate = limitOf('slowRate', slowRate)
  }

  reachedBy({ calls, failures, slow }: WindowTotals): boolean {
    if (failures >= this.failures) return true
    // Divided, not multiplied: 7 of 100 is the same number as 0.07, and 0.07 * 100 is not 7.
    return (
      calls >= this.minCalls &&
      ((failures > 0 && failures / calls >= this.failureRate) || (slow > 0 && slow / calls >= this.slowRate))
    )
  }
}

/** A rate without a limit is never reached. */
const limitOf = (option: string, share: number | undefined, otherwise = Infinity): number =>
  share === undefined ? otherwise : checkShare(option, share)
