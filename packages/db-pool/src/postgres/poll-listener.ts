import type { Notice } from '../database-pool.ts'

/** In place of LISTEN: tells every handler each `intervalMs` that it may have missed something. */
export class PollListener {
  readonly #intervalMs: number
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  add(handler: (notice: Notice) => void): AsyncDisposable {
    const timer = setInterval(() => handler({ payload: undefined, missed: true }), this.#intervalMs)
    timer.unref()
    this.#timers.add(timer)
    return {
      [Symbol.asyncDispose]: () => {
        clearInterval(timer)
        this.#timers.delete(timer)
        return Promise.resolve()
      },
    }
  }

  close(): void {
    for (const timer of this.#timers) {
      clearInterval(timer)
    }
    this.#timers.clear()
  }
}
