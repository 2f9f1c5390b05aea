/** Where the process is in its life, and what is under way. */
export class Lifecycle {
  readonly #ending = new AbortController()
  #isLeaving = false
  #inFlight = 0
  #idle: (() => void) | undefined

  /** Aborted when the process begins to end: nothing new is to be begun, and open-ended streams are to be closed. */
  get ending(): AbortSignal {
    return this.#ending.signal
  }

  /** Whether load balancers are to look for another gateway. Requests are taken all the same, until it is ending. */
  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /** How many MCP requests are being answered. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Counts a request in. Gives the function that counts it out; calling that twice is harmless. */
  begin(): () => void {
    this.#inFlight += 1
    let counted = true
    return () => {
      if (!counted) return
      counted = false
      this.#inFlight -= 1
      if (this.#inFlight === 0) this.#idle?.()
    }
  }

  /** Says that the process will end soon. */
  leave(): void {
    this.#isLeaving = true
  }

  /** Says that the process is ending. */
  end(): void {
    this.#isLeaving = true
    this.#ending.abort()
  }

  /** Waits until nothing is under way, at most `timeoutMs`. Gives whether that came true. */
  async drained(timeoutMs: number): Promise<boolean> {
    if (this.#inFlight === 0) return true
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(resolve, timeoutMs, false)
    this.#idle = () => resolve(true)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#idle = undefined
    }
  }
}
