/** Where a breaker reads the time. */
export interface Clock {
  /** Monotonic milliseconds from any origin. Must never be wall-clock time. Default: `performance.now()`. */
  now(): number
  /**
   * Wall-clock milliseconds since 1970, read only to stamp and to age snapshots. Default: `Date.now()`.
   */
  wallNow?(): number
}

/** The process's own clocks. */
export const systemClock: Clock = { now: () => performance.now(), wallNow: () => Date.now() }
