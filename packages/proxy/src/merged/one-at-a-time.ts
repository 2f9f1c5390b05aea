/** Does something in the background, never twice at once: whoever wants it meanwhile has it done once more afterwards. */
export class OneAtATime {
  readonly #work: () => Promise<void>
  #running: Promise<void> | undefined
  #isWanted = false

  /** @param work must not reject. */
  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /** Resolves when it has been done with all that was known when it was wanted. */
  run(): Promise<void> {
    this.#isWanted = true
    this.#running ??= this.#runWhileWanted()
    return this.#running
  }

  async #runWhileWanted(): Promise<void> {
    try {
      while (this.#isWanted) {
        this.#isWanted = false
        await this.#work()
      }
    } finally {
      this.#running = undefined
    }
  }
}
