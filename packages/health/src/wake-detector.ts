export interface WakeDetectorOptions {
  /** Told after the process has slept, with how long, in milliseconds. */
  readonly onWake: (sleptMs: number) => void
  /** A gap longer than this between two ticks means sleep, in milliseconds. Default 10,000. */
  readonly gapMs?: number | undefined
  /** Between ticks, in milliseconds. Default 1,000. */
  readonly tickMs?: number | undefined
  /** Two clocks, because a sleeping machine stops one of them: the wall's, and one that never goes back. */
  readonly now?: (() => { readonly wallMs: number; readonly monotonicMs: number }) | undefined
}

const DEFAULT_GAP_MS = 10_000
const DEFAULT_TICK_MS = 1000

/**
 * Notices that the machine, or this process, has slept: a timer that should tick each second has not.
 * Sockets that were open then are dead, and nobody has told us.
 */
export class WakeDetector implements Disposable {
  readonly #onWake: (sleptMs: number) => void
  readonly #gapMs: number
  readonly #now: NonNullable<WakeDetectorOptions['now']>
  readonly #timer: NodeJS.Timeout
  #last: { readonly wallMs: number; readonly monotonicMs: number }

  constructor(options: WakeDetectorOptions) {
    this.#onWake = options.onWake
    this.#gapMs = options.gapMs ?? DEFAULT_GAP_MS
    this.#now = options.now ?? (() => ({ wallMs: Date.now(), monotonicMs: performance.now() }))
    this.#last = this.#now()
    this.#timer = setInterval(() => this.#tick(), options.tickMs ?? DEFAULT_TICK_MS)
    this.#timer.unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    const now = this.#now()
    const gapMs = Math.max(now.wallMs - this.#last.wallMs, now.monotonicMs - this.#last.monotonicMs)
    this.#last = now
    if (gapMs > this.#gapMs) this.#onWake(gapMs)
  }
}
