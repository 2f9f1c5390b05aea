/** More than this is not saved up, so that a long calm does not pay for a storm. */
const MAX_EARNED = 20

/**
 * How many retries one origin may still get: a share of its requests, and a few a second however few those are. When
 * everything fails, retries then add little to a load that is too much already.
 */
export class RetryBudget {
  readonly #ratio: number
  readonly #minPerSecond: number
  readonly #now: () => number
  #earned = 0
  #granted: number
  #grantedAtMs: number

  /** @param now milliseconds that only go forward. */
  constructor(ratio: number, minPerSecond: number, now: () => number) {
    this.#ratio = ratio
    this.#minPerSecond = minPerSecond
    this.#now = now
    this.#granted = minPerSecond
    this.#grantedAtMs = now()
  }

  /** A request is sent for the first time. */
  earn(): void {
    this.#earned = Math.min(MAX_EARNED, this.#earned + this.#ratio)
  }

  /** Whether one more retry is allowed; then it is paid for. */
  spend(): boolean {
    const nowMs = this.#now()
    const more = ((nowMs - this.#grantedAtMs) / 1_000) * this.#minPerSecond
    this.#granted = Math.min(this.#minPerSecond, this.#granted + more)
    this.#grantedAtMs = nowMs
    // Ten tenths are not quite one.
    if (this.#earned > 1 - 1e-9) this.#earned -= 1
    else if (this.#granted >= 1) this.#granted -= 1
    else return false
    return true
  }
}
