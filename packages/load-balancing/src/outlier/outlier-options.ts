import { checkCount, checkNumber, checkPositive, checkShare } from '../checks.ts'

/**
 * When a replica is left out for a while because its calls fail and those of the others do not. Where all fail alike, the
 * cause is elsewhere and none is ejected.
 */
export interface OutlierOptions {
  /** Failures in a row that eject. Default 5. */
  readonly consecutiveFailures?: number | undefined
  /** The share of failed calls within the window that ejects, if there were `minCalls`. Default 0.5. */
  readonly failureRate?: number | undefined
  /** Default 10. */
  readonly minCalls?: number | undefined
  /** Default 10 000. */
  readonly windowMs?: number | undefined
  /** How long the first ejection is, in milliseconds; each next one is twice as long. Default 30 000. */
  readonly ejectMs?: number | undefined
  /** The longest ejection, in milliseconds. Default 300 000. */
  readonly maxEjectMs?: number | undefined
  /** The cap: the share of the replicas that may be ejected at once, rounded down. Default 0.5: of one, none. */
  readonly maxEjectedShare?: number | undefined
}

export type OutlierRules = { readonly [Name in keyof OutlierOptions]-?: number }

/** @throws {RangeError} */
export const checkOutliers = (options: OutlierOptions): OutlierRules => {
  const { consecutiveFailures = 5, failureRate = 0.5, minCalls = 10, windowMs = 10_000 } = options
  const { ejectMs = 30_000, maxEjectMs = Math.max(300_000, ejectMs), maxEjectedShare = 0.5 } = options
  return {
    consecutiveFailures: checkCount('outliers.consecutiveFailures', consecutiveFailures),
    failureRate: checkShare('outliers.failureRate', failureRate),
    minCalls: checkCount('outliers.minCalls', minCalls),
    windowMs: checkPositive('outliers.windowMs', windowMs),
    ejectMs: checkPositive('outliers.ejectMs', ejectMs),
    maxEjectMs: checkNumber('outliers.maxEjectMs', maxEjectMs, ejectMs),
    maxEjectedShare: checkShare('outliers.maxEjectedShare', maxEjectedShare),
  }
}
