/** What a trip window holds right now. */
export interface WindowTotals {
  /** Calls with a verdict. */
  readonly calls: number
  readonly failures: number
  /** Calls that took longer than `slowMs`, failed or not. */
  readonly slow: number
}

/** A window as plain data (it survives JSON). Only the rule that wrote it can read it. */
export type WindowSnapshot = readonly (number | WindowSnapshot)[]

/**
 * The memory of one breaker while it is closed. It is made when the first call after a transition asks for it and thrown
 * away by the next transition, so no window ever outlives the era it describes.
 */
export interface TripWindow {
  /** Takes one verdict. Gives true when the circuit should open. `now` is 0 unless the rule is `timed`. */
  record(failed: boolean, slow: boolean, now: number): boolean
  /** What is counted at `now`. Changes nothing. */
  totals(now: number): WindowTotals
  /** The window as plain data, ages instead of absolute times. Changes nothing. */
  save(now: number): WindowSnapshot
  /** Takes over saved data; false, unchanged, when it does not fit this rule. */
  load(saved: WindowSnapshot, now: number): boolean

  /** A call starts. Only for rules that watch calls. */
  enter?(now: number): void
  /** A call that started at `startedAt` is over. Only for rules that watch calls. */
  leave?(startedAt: number, now: number): void
  /** Since when the circuit should be open by time alone; undefined while it should not. Changes nothing. */
  overdueSince?(now: number): number | undefined
}

/** When to open: an immutable description, safe to share between breakers. Write your own by implementing this. */
export interface TripRule {
  /** Whether the window needs to know the time of each verdict (it costs one clock reading per call). */
  readonly timed?: boolean | undefined
  /** Whether the rule looks at slow calls; such a rule needs the option `slowMs`. */
  readonly countsSlowCalls?: boolean | undefined
  /** Whether the rule looks at calls while they run (it costs two clock readings per call). */
  readonly watchesCalls?: boolean | undefined
  /** Makes an empty window. */
  open(now: number): TripWindow
}
