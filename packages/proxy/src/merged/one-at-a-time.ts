/** Does something in the background, never twice at once: whoever wants it meanwhile has it done once more afterwards. */
export class OneAtATime {
  readonly #work: () => Promise<void>
  #isRunning = false
  #isWanted = false

  /** @param work must not reject. */
  constructor(work: () => Promise<void>) {
    this.#work = work
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  run(): void {
    this.#isWanted = true
    if (!this.#isRunning) void this.#runWhileWanted()
  }

  async #runWhileWanted(): Promise<void> {
    this.#isRunning = true
    try {
      while (this.#isWanted) {
        this.#isWanted = false
        await this.#work()
      }
    } finally {
      this.#isRunning = false
    }
  }
}
