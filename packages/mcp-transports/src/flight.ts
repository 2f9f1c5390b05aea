/** A request under way: aborted by its caller's signal, or by {@link abort} when its transport is disposed of. */
export class Flight {
  readonly #controller = new AbortController()
  readonly #callerSignal: AbortSignal | undefined
  readonly #onLanded: (flight: Flight) => void

  /** @param onLanded - called when the flight is over; possibly more than once */
  constructor(callerSignal: AbortSignal | undefined, onLanded: (flight: Flight) => void) {
    this.#callerSignal = callerSignal
    this.#onLanded = onLanded
    if (callerSignal?.aborted === true) this.abort()
    else callerSignal?.addEventListener('abort', this.abort)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  readonly abort = (): void => {
    this.#controller.abort(this.#callerSignal?.reason)
    this.land()
  }

  /** Lets go of the caller's signal, which may live much longer. Idempotent. */
  land(): void {
    this.#callerSignal?.removeEventListener('abort', this.abort)
    this.#onLanded(this)
  }
}
