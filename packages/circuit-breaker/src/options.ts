import type { OpenDuration } from './backoff.ts'
import type { CircuitMode } from './circuit-state.ts'
import type { Clock } from './clock.ts'
import type { ReportError } from './emitter.ts'
import type { Classify } from './outcome.ts'
import type { TripRule } from './trip/trip-rule.ts'

/** How a circuit that was open finds out whether it may close. */
export interface HalfOpenOptions {
  /** Probes that must succeed before it closes. Default 1. */
  readonly successes?: number | undefined
  /** Probes at once; every further call is refused, never queued. Default 1. */
  readonly concurrency?: number | undefined
  /** Failed probes that are forgiven before it opens again. Default 0. */
  readonly tolerate?: number | undefined
  /** How long a probe may go unsettled before the circuit opens again and its place is taken back, in ms. Default 60 000. */
  readonly probeTimeoutMs?: number | undefined
}

/** Everything a breaker can be told. All of it is read, checked and copied once, at construction. */
export interface CircuitBreakerOptions {
  /** Appears in events, errors and metrics. Default `circuit`. */
  readonly name?: string | undefined
  /** When to open. Default `consecutive(5)`. */
  readonly trip?: TripRule | undefined
  /** How long to stay open, in milliseconds, or a function such as `backoff()`. Default 60 000. */
  readonly openMs?: number | OpenDuration | undefined
  /**
   * What recovery does to the count of openings that `backoff` grows by. `decay` (default): it falls by one for each open
   * period spent closed, so a flapping upstream is left alone longer each time. `reset`: back to 0 on closing.
   */
  readonly recovery?: 'decay' | 'reset' | undefined
  readonly halfOpen?: HalfOpenOptions | undefined
  /** A call is slow when it took longer than this many milliseconds. Undefined: no call is slow and none is timed. */
  readonly slowMs?: number | undefined
  /** What counts as a failure. Default {@link defaultClassify}. */
  readonly classify?: Classify | undefined
  /** Default `enforce`. */
  readonly mode?: CircuitMode | undefined
  /** Default: `performance.now()`. */
  readonly clock?: Clock | undefined
  /** From 0 up to but not including 1; for the jitter of `backoff`. Default `Math.random`. */
  readonly random?: (() => number) | undefined
  /** Identifies this process in shared transition records. Default: drawn at random once per process. */
  readonly origin?: string | undefined
  /**
   * Told of errors thrown (or rejected) by listeners, `classify` or `openMs`; they never reach the caller. The event is
   * undefined unless a listener threw. Default: `console.error`.
   */
  readonly onListenerError?: ReportError | undefined
}
