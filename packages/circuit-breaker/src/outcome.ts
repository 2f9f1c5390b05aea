/** How one call ended, as far as the circuit is concerned. `ignored` is no verdict at all: it is counted, and moves nothing. */
export type Outcome = 'success' | 'failure' | 'ignored'

/** What `classify` may say about one finished call when a bare {@link Outcome} is not enough. */
export interface Classification {
  readonly outcome: Outcome
  /**
   * With a `failure`: open at once, for this many milliseconds, whatever the trip rule says. Meant for an upstream that
   * told when to come back (`Retry-After`). Anything but a positive finite number is as if absent.
   */
  readonly openMs?: number | undefined
  /**
   * With a `failure`: the fault lies in this process (its name resolution, its route out), so an opening that it causes
   * is not shared with other processes. When undefined, `isLocalFault(error)` decides.
   */
  readonly local?: boolean | undefined
}

/**
 * Judges a finished call. `error` is what was thrown, or undefined when the call returned; `result` is what it returned.
 * If it throws, the default classification is used and the fault is given to `onListenerError`.
 */
export type Classify = (error: unknown, result: unknown) => Outcome | Classification

export const OUTCOMES: readonly Outcome[] = ['success', 'failure', 'ignored']
