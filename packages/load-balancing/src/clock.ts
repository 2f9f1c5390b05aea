/** Where a balancer reads the time. */
export interface Clock {
  /** Monotonic milliseconds from any origin. Must never be wall-clock time. Default: `performance.now()`. */
  now(): number
}

/** The process's own clock. */
export const systemClock: Clock = { now: () => performance.now() }
