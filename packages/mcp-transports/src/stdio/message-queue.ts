interface Queued {
  readonly message: Uint8Array
  readonly isVital: boolean
}

/**
 * Messages for one reader who may be slow. Of those that are not vital (progress, logs) the oldest are dropped when more
 * than `maxBytes` or `maxMessages` wait: the process that sends them serves others too and is not made to wait.
 */
export class MessageQueue {
  readonly #maxBytes: number
  readonly #maxMessages: number
  readonly #queued: Queued[] = []
  #bytes = 0
  #isOver = false
  #error: Error | undefined
  #wake: (() => void) | undefined

  constructor({ maxBytes, maxMessages }: { readonly maxBytes: number; readonly maxMessages: number }) {
    this.#maxBytes = maxBytes
    this.#maxMessages = maxMessages
  }

  /** Whether all has been read, and it ended well. */
  get isComplete(): boolean {
    return this.#isOver && this.#error === undefined && this.#queued.length === 0
  }

  push(message: Uint8Array, isVital: boolean): void {
    if (this.#isOver) return
    this.#queued.push({ message, isVital })
    this.#bytes += message.byteLength
    while (this.#queued.length > this.#maxMessages || this.#bytes > this.#maxBytes) {
      const index = this.#queued.findIndex((queued) => !queued.isVital)
      const [dropped] = index === -1 ? [] : this.#queued.splice(index, 1)
      if (dropped === undefined) break
      this.#bytes -= dropped.message.byteLength
    }
    this.#wake?.()
  }

  /** Nothing more comes. With an error, the reader gets that after what is queued; the first end counts. */
  end(error?: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#error = error
    this.#wake?.()
  }

  /** The next message, once there is one; undefined at the end. Stops waiting, with undefined, when `signal` is aborted. */
  async next(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const isAborted = (): boolean => signal?.aborted === true
    while (this.#queued.length === 0 && !this.#isOver && !isAborted()) await this.#untilWoken(signal)
    if (isAborted()) return undefined
    const first = this.#queued.shift()
    if (first !== undefined) {
      this.#bytes -= first.message.byteLength
      return first.message
    }
    if (this.#error !== undefined) throw this.#error
    return undefined
  }

  async #untilWoken(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const wake = (): void => resolve()
    this.#wake = wake
    signal?.addEventListener('abort', wake)
    await promise
    signal?.removeEventListener('abort', wake)
  }
}
