/** Messages on their way to one reader. When too many wait, the oldest go: what comes here can be done without. */
export class MessageFeed {
  readonly #maxMessages: number
  readonly #waiting: Uint8Array[] = []
  #isOver = false
  #wake: (() => void) | undefined

  constructor(maxMessages = 256) {
    this.#maxMessages = maxMessages
  }

  push(message: Uint8Array): void {
    if (this.#isOver) return
    this.#waiting.push(message)
    if (this.#waiting.length > this.#maxMessages) this.#waiting.shift()
    this.#wake?.()
  }

  /** Nothing more comes. What waits is still read. */
  end(): void {
    this.#isOver = true
    this.#wake?.()
  }

  /** The next message, once there is one; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    while (this.#waiting.length === 0 && !this.#isOver) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
    return this.#waiting.shift()
  }
}
