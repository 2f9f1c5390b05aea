export interface RestartBackoffOptions {
  readonly restartMs: number
  readonly maxRestartMs: number
  /** Milliseconds of a clock that never goes back. Default `performance.now`. */
  readonly now?: (() => number) | undefined
  /** From 0 up to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** Up to so much is added by chance, so that several do not start at the same moment. */
const JITTER = 0.2

/** When a process that failed may be started again: at once after the first failure, then after longer and longer waits. */
export class RestartBackoff {
  readonly #options: RestartBackoffOptions
  readonly #now: () => number
  readonly #random: () => number
  #failures = 0
  #notBefore = Number.NEGATIVE_INFINITY

  constructor(options: RestartBackoffOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#random = options.random ?? Math.random
  }

  /** How long until the next start, in milliseconds; 0: it may be now. */
  get remainingMs(): number {
    return Math.max(0, this.#notBefore - this.#now())
  }

  failed(): void {
    const { restartMs, maxRestartMs } = this.#options
    this.#failures += 1
    if (this.#failures === 1) return
    const waitMs = Math.min(maxRestartMs, restartMs * 2 ** (this.#failures - 2))
    this.#notBefore = this.#now() + waitMs * (1 + JITTER * this.#random())
  }

  /** It works: the next failure is the first again. */
  reset(): void {
    this.#failures = 0
    this.#notBefore = Number.NEGATIVE_INFINITY
  }
}
