/**
 * Lets processes that first have to be fetched start one after another: so many at once, and of one package one at a time,
 * because package runners do not share their cache well.
 */
export class StartGate {
  readonly #maxStarting: number
  readonly #waiting: (() => void)[] = []
  readonly #lanes = new Map<string, Promise<void>>()
  #starting = 0

  constructor(maxStarting: number) {
    this.#maxStarting = maxStarting
  }

  /**
   * Runs `start` when it is its turn.
   *
   * @param name what is fetched; undefined: nothing is, and it is its turn at once.
   */
  async run<Result>(name: string | undefined, start: () => Promise<Result>): Promise<Result> {
    if (name === undefined) return start()
    const { promise: done, resolve: leaveLane } = Promise.withResolvers<void>()
    const before = this.#lanes.get(name)
    const lane = (before ?? Promise.resolve()).then(() => done)
    this.#lanes.set(name, lane)
    try {
      await before
      await this.#enter()
      try {
        return await start()
      } finally {
        this.#leave()
      }
    } finally {
      leaveLane()
      if (this.#lanes.get(name) === lane) this.#lanes.delete(name)
    }
  }

  async #enter(): Promise<void> {
    if (this.#starting < this.#maxStarting) {
      this.#starting += 1
      return
    }
    // Whoever leaves hands its place over.
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#starting -= 1
    else next()
  }
}
