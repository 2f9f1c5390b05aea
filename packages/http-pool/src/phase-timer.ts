/** The longest delay that a Node.js timer takes; a longer one would fire at once. */
export const MAX_TIMER_MS = 2_147_483_647

/**
 * One timer that serves the phases of a request one after the other. Phases are short and limits are long, so moving the
 * deadline leaves the running timer alone: when it fires too early, it looks at the deadline and goes on.
 */
export class PhaseTimer<Phase> {
  readonly #onTimeout: (phase: Phase, delayMs: number) => void
  #timer: NodeJS.Timeout | undefined
  #dueAtMs = Number.POSITIVE_INFINITY
  #deadlineAtMs = Number.POSITIVE_INFINITY
  #phase: Phase | undefined
  #delayMs = 0

  constructor(onTimeout: (phase: Phase, delayMs: number) => void) {
    this.#onTimeout = onTimeout
  }

  /** Begins a phase in place of the last. A delay beyond {@link MAX_TIMER_MS}, such as `Infinity`, never ends. */
  start(phase: Phase, delayMs: number): void {
    if (delayMs > MAX_TIMER_MS) return this.stop()
    this.#phase = phase
    this.#delayMs = delayMs
    const nowMs = performance.now()
    this.#deadlineAtMs = nowMs + delayMs
    if (this.#timer !== undefined) {
      if (this.#dueAtMs <= this.#deadlineAtMs) return
      clearTimeout(this.#timer)
    }
    this.#arm(nowMs, delayMs)
  }

  /** Counts the phase from now again. */
  refresh(): void {
    if (this.#timer !== undefined) this.#deadlineAtMs = performance.now() + this.#delayMs
  }

  stop(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#phase = undefined
  }

  #arm(nowMs: number, delayMs: number): void {
    this.#dueAtMs = nowMs + delayMs
    this.#timer = setTimeout(this.#fire, delayMs)
  }

  readonly #fire = (): void => {
    this.#timer = undefined
    const nowMs = performance.now()
    const leftMs = this.#deadlineAtMs - nowMs
    // Timers of Node.js count whole milliseconds and may be a fraction early.
    if (leftMs >= 1) return this.#arm(nowMs, Math.ceil(leftMs))
    const phase = this.#phase
    this.#phase = undefined
    if (phase !== undefined) this.#onTimeout(phase, this.#delayMs)
  }
}
