/** A server that asks for more is not believed: it may be wrong by a unit, in milliseconds. */
export const MAX_RETRY_AFTER_MS = 300_000

/** How long the callers of one endpoint with one credential are to wait, because it was called too often with that. */
export class Pace {
  readonly #now: () => number
  #untilMs = Number.NEGATIVE_INFINITY

  /** @param now milliseconds of a clock that never goes back. Default `performance.now`. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** How long still, in milliseconds; 0: not at all. */
  get waitMs(): number {
    return this.#untilMs === Number.NEGATIVE_INFINITY ? 0 : this.#wait()
  }

  /** The server has refused a call for their number, and said when to come back; undefined: it did not. */
  leaveAlone(retryAfterMs: number | undefined): void {
    if (retryAfterMs === undefined || retryAfterMs <= 0) return
    this.#untilMs = Math.max(this.#untilMs, this.#now() + Math.min(retryAfterMs, MAX_RETRY_AFTER_MS))
  }

  #wait(): number {
    const waitMs = Math.max(0, this.#untilMs - this.#now())
    // The clock is not read again for what is over.
    if (waitMs === 0) this.#untilMs = Number.NEGATIVE_INFINITY
    return waitMs
  }
}
