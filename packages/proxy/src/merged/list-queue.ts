/** How long a server that is asked keeps others waiting, in milliseconds: one that is slow must not hold them up. */
const TURN_MS = 1000

/** Lets so many servers be asked at once, and the others wait for their turn, so that not all are asked in the same moment. */
export class ListQueue {
  readonly #maxRunning: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(maxRunning: number) {
    this.#maxRunning = maxRunning
  }

  /** Waits for a turn. Gives what ends it; it ends by itself before long. */
  async turn(): Promise<() => void> {
    if (this.#running >= this.#maxRunning) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running += 1
    let isOver = false
    const end = (): void => {
      clearTimeout(timer)
      if (isOver) return
      isOver = true
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
    const timer = setTimeout(end, TURN_MS)
    timer.unref()
    return end
  }
}
