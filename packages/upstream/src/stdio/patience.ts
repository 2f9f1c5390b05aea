import { UpstreamError } from '../upstream-error.ts'

/** When somebody should ask again for whom a process is still starting, in milliseconds. */
export const ASK_AGAIN_MS = 5_000

/** How long somebody waits for a process: a time in all, and until they give up. What is waited for goes on. */
export class Patience {
  readonly #endsAt: number
  readonly #signal: AbortSignal | undefined

  constructor(timeoutMs: number, signal?: AbortSignal) {
    this.#endsAt = performance.now() + timeoutMs
    this.#signal = signal
  }

  /** What is left of the time, in milliseconds; at least 1. */
  get leftMs(): number {
    return Math.max(1, this.#endsAt - performance.now())
  }

  /**
   * What `work` gives.
   *
   * @throws {UpstreamError} `starting` when the time is over, `aborted` when it was given up.
   */
  async wait<Result>(work: Promise<Result>): Promise<Result> {
    const { promise: over, reject } = Promise.withResolvers<never>()
    const onAbort = (): void =>
      reject(new UpstreamError('aborted', 'the request was cancelled', { requestSent: false }))
    const onTimeout = (): void => {
      const options = { retryAfterMs: ASK_AGAIN_MS, requestSent: false }
      reject(new UpstreamError('starting', 'the server is still starting', options))
    }
    const { leftMs } = this
    const timer = Number.isFinite(leftMs) ? setTimeout(onTimeout, leftMs) : undefined
    if (this.#signal?.aborted === true) onAbort()
    this.#signal?.addEventListener('abort', onAbort)
    try {
      return await Promise.race([work, over])
    } finally {
      clearTimeout(timer)
      this.#signal?.removeEventListener('abort', onAbort)
    }
  }
}
