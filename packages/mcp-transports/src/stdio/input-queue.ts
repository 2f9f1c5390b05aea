import type { Writable } from 'node:stream'

import { UpstreamTransportError } from '../upstream-transport-error.ts'

const NEWLINE = Buffer.from('\n')

export interface InputQueueOptions {
  /** The most that may wait, in bytes; a single message may be larger. */
  readonly maxWaitingBytes: number
  /** How long a message may wait until the child has taken it, in milliseconds. */
  readonly timeoutMs: number
}

interface Waiting {
  readonly message: Uint8Array
  readonly timer: NodeJS.Timeout
  sent: boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Messages on their way into the child, one line each, in order. It never holds more than its bound. */
export class InputQueue {
  readonly #stream: Writable
  readonly #options: InputQueueOptions
  /** The first may be in the stream already; the others are not. */
  readonly #waiting: Waiting[] = []
  #waitingBytes = 0
  #closed: Error | undefined

  constructor(stream: Writable, options: InputQueueOptions) {
    this.#stream = stream
    this.#options = options
  }

  /**
   * Writes one message. Resolves when the operating system has it.
   *
   * @throws {UpstreamTransportError} `queue_full`, `not_reading` when the child did not take it in time, or what the queue was closed with.
   */
  write(message: Uint8Array): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    if (this.#waiting.length > 0 && this.#waitingBytes + message.byteLength > this.#options.maxWaitingBytes) {
      return Promise.reject(
        failure('queue_full', 'as much as is allowed waits for the process already', false),
      )
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting: Waiting = {
      message,
      sent: false,
      resolve,
      reject,
      timer: setTimeout(() => this.#giveUp(waiting), this.#options.timeoutMs),
    }
    this.#waiting.push(waiting)
    this.#waitingBytes += message.byteLength
    this.#next()
    return promise
  }

  /** Refuses what waits and what is still to come. Idempotent. */
  close(error: UpstreamTransportError): void {
    this.#closed ??= error
    for (const { timer, reject, sent } of this.#waiting.splice(0)) {
      clearTimeout(timer)
      reject(failure(error.reason, error.message, sent && error.requestSent))
    }
    this.#waitingBytes = 0
  }

  #next(): void {
    const [first] = this.#waiting
    if (first === undefined || first.sent) return
    first.sent = true
    this.#stream.cork()
    this.#stream.write(first.message)
    this.#stream.write(NEWLINE, (error) => {
      // What an error means is told by the end of the process, which follows.
      if (error == null) this.#arrived(first)
    })
    this.#stream.uncork()
  }

  #arrived(first: Waiting): void {
    clearTimeout(first.timer)
    if (this.#waiting[0] === first) this.#remove(first)
    first.resolve()
    this.#next()
  }

  #giveUp(waiting: Waiting): void {
    const { timeoutMs } = this.#options
    waiting.reject(
      failure('not_reading', `the process did not read its input for ${timeoutMs} ms`, waiting.sent),
    )
    // One that is half in the pipe keeps its place: what follows must not mix with it.
    if (!waiting.sent) this.#remove(waiting)
  }

  #remove(waiting: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
    this.#waitingBytes -= waiting.message.byteLength
  }
}

const failure = (
  reason: UpstreamTransportError['reason'],
  message: string,
  requestSent: boolean,
): UpstreamTransportError => new UpstreamTransportError(message, { reason, requestSent })
