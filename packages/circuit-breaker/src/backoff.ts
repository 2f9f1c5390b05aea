import { check, checkPositive, isAtLeast } from './checks.ts'

/**
 * How long the circuit stays open, in milliseconds. Must be a pure function of its arguments: it may be asked ahead of
 * time by a reading of `state`.
 *
 * @param opening 1 for the first opening, 2 for the next without recovery between, and so on
 * @param random a number drawn once for this opening, from 0 up to but not including 1
 */
export type OpenDuration = (opening: number, random: number) => number

export interface BackoffOptions {
  /** The first open period, in milliseconds. Default 5000. */
  readonly initialMs?: number | undefined
  /** What each further opening multiplies it by, at least 1. Default 2. */
  readonly factor?: number | undefined
  /** The longest open period before jitter, in milliseconds, at least `initialMs`. Default 300 000, or `initialMs`. */
  readonly maxMs?: number | undefined
  /** Spread around the period as a fraction of it, from 0 (none) to 1. Default 0.2: from 80 % to 120 %. */
  readonly jitter?: number | undefined
}

/**
 * Capped exponential open periods with jitter, for the option `openMs`.
 *
 * @throws RangeError, TypeError naming the option that cannot be
 */
export function backoff(options: BackoffOptions = {}): OpenDuration {
  const { initialMs = 5000, factor = 2, jitter = 0.2 } = options
  const { maxMs = Math.max(300_000, initialMs) } = options
  checkPositive('initialMs', initialMs)
  check('factor', factor, isAtLeast(factor, 1), 'a finite number of at least 1')
  check('maxMs', maxMs, isAtLeast(maxMs, initialMs), 'a finite number of at least initialMs')
  check('jitter', jitter, isAtLeast(jitter, 0) && jitter <= 1, 'from 0 to 1')
  // The power overflows to Infinity at worst, which the cap takes in.
  return (opening, random) =>
    Math.min(maxMs, initialMs * factor ** (opening - 1)) * (1 + jitter * (2 * random - 1))
}
