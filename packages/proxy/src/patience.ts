/**
 * Waits for a promise in turns, so that something can be done in between. It hangs on the promise once,
 * however many turns it takes; racing anew each time would pile up on a promise that is pending for days.
 */
export class Patience {
  #settled = false
  #wake: (() => void) | undefined

  constructor(promise: Promise<unknown>) {
    const settle = (): void => {
      this.#settled = true
      this.#wake?.()
    }
    promise.then(settle, settle)
  }

  /** Whether the promise has settled when `ms` milliseconds are over, or before. */
  async settledWithin(ms: number): Promise<boolean> {
    if (this.#settled) return true
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, ms)
    this.#wake = resolve
    await promise
    clearTimeout(timer)
    return this.#settled
  }
}
