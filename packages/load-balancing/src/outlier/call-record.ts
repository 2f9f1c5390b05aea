/** Calls and failures of one replica within a window, in two halves: the window is at least half of itself long. */
export class CallRecord {
  /** Failures since the last success. */
  failuresInARow = 0
  /** How often it was ejected, less one for each period that went well since. */
  ejections = 0
  /** Until when it is or was ejected the last time. */
  ejectedUntilMs = -Infinity
  #half = -Infinity
  #calls = 0
  #failures = 0
  #callsBefore = 0
  #failuresBefore = 0

  get calls(): number {
    return this.#calls + this.#callsBefore
  }

  get failures(): number {
    return this.#failures + this.#failuresBefore
  }

  count(isFailure: boolean): void {
    this.#calls += 1
    if (isFailure) this.#failures += 1
    this.failuresInARow = isFailure ? this.failuresInARow + 1 : 0
  }

  /** Lets go of what is older than the window. */
  advance(nowMs: number, windowMs: number): void {
    const half = Math.floor((2 * nowMs) / windowMs)
    if (half === this.#half) return
    const isNext = half === this.#half + 1
    this.#callsBefore = isNext ? this.#calls : 0
    this.#failuresBefore = isNext ? this.#failures : 0
    this.#calls = 0
    this.#failures = 0
    this.#half = half
  }

  /** What was before an ejection says nothing about the replica that comes back. */
  forget(): void {
    this.failuresInARow = 0
    this.#half = -Infinity
    this.#calls = 0
    this.#failures = 0
    this.#callsBefore = 0
    this.#failuresBefore = 0
  }
}
