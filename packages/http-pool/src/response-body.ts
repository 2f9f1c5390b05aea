import type { IncomingMessage } from 'node:http'

import { createFailure } from './failure.ts'
import type { HttpPoolError, HttpPoolErrorReason } from './http-pool-error.ts'
import type { PhaseTimer } from './phase-timer.ts'

/** How much is read ahead of the reader before the connection is paused. */
const READ_AHEAD_BYTES = 65_536
const DISCARD_BYTES = 65_536
const DISCARD_MS = 1_000

export interface ResponseBodyContext {
  readonly origin: string
  /** The exchange's, whose end ends the body. */
  readonly timer: PhaseTimer<HttpPoolErrorReason>
  readonly idleMs: number
  /** From `Content-Length`; 0 when there is none. */
  readonly announcedBytes: number
  readonly maxBytes: number
  /** Called once: the body is complete (undefined) or has failed. */
  readonly onOver: (error: HttpPoolError | undefined) => void
}

interface Reader {
  readonly resolve: (result: IteratorResult<Buffer, undefined>) => void
  readonly reject: (error: HttpPoolError) => void
}

/**
 * The body of a response, read once: iterate it, take it whole with {@link bytes}, or drop it with {@link discard}
 * or {@link destroy}. Whoever got it must do one of them, for it holds a connection.
 *
 * No more than 64 KiB are read ahead of the reader; then the connection is paused, and with it the peer.
 */
export class ResponseBody implements AsyncIterable<Uint8Array> {
  readonly #message: IncomingMessage
  readonly #context: ResponseBodyContext
  readonly #chunks: Buffer[] = []
  #chunksBytes = 0
  #receivedBytes = 0
  #maxBytes: number
  #readAheadBytes = READ_AHEAD_BYTES
  #state: 'open' | 'ended' | 'failed' = 'open'
  #failure: HttpPoolError | undefined
  #reader: Reader | undefined
  #taken = false
  #paused = false
  #discarding = false

  /** Made by the pool. */
  constructor(message: IncomingMessage, context: ResponseBodyContext) {
    this.#message = message
    this.#context = context
    this.#maxBytes = context.maxBytes
    message.on('data', (chunk: Buffer) => this.#receive(chunk))
    message.on('end', () => this.#end())
    message.on('error', (cause) => this.#fail('truncated', { cause }))
    message.on('close', () => this.#fail('truncated', {}))
    this.#startIdleTimer()
  }

  /**
   * Yields the body in chunks. Leaving the loop early closes the connection.
   *
   * @throws {HttpPoolError} `truncated`, `too_large`, `idle_timeout`, `total_timeout`, `aborted` or `closed`.
   */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    this.#take()
    return {
      next: () => this.#next(),
      return: () => {
        this.destroy()
        return Promise.resolve({ done: true, value: undefined })
      },
    }
  }

  /**
   * The whole body.
   *
   * @param maxBytes a limit below the request's own; a body over it fails as `too_large`.
   * @throws {HttpPoolError} as iterating does.
   */
  async bytes(maxBytes: number = this.#maxBytes): Promise<Buffer> {
    this.#take()
    this.#maxBytes = Math.min(this.#maxBytes, maxBytes)
    this.#readAheadBytes = Number.POSITIVE_INFINITY
    if (Math.max(this.#receivedBytes, this.#context.announcedBytes) > this.#maxBytes) {
      this.#fail('too_large', { limit: this.#maxBytes })
    }
    this.#resume()
    if (this.#state === 'open') {
      await new Promise<void>((resolve, reject) => {
        this.#reader = { resolve: () => resolve(), reject }
      })
    }
    if (this.#failure !== undefined) throw this.#failure
    if (this.#receivedBytes > this.#maxBytes)
      throw this.#createFailure('too_large', { limit: this.#maxBytes })
    const [only = Buffer.alloc(0), ...more] = this.#chunks.splice(0)
    return more.length === 0 ? only : Buffer.concat([only, ...more])
  }

  /**
   * Reads the rest in the background and forgets it, so that the connection can serve again: up to 64 KiB and one
   * second; what is longer costs the connection.
   */
  discard(): void {
    if (this.#reader !== undefined) return this.destroy()
    this.#taken = true
    this.#chunks.length = 0
    if (this.#state !== 'open') return
    this.#discarding = true
    this.#maxBytes = Math.min(this.#maxBytes, this.#receivedBytes + DISCARD_BYTES)
    this.#context.timer.start('aborted', DISCARD_MS)
    this.#resume()
  }

  /** Gives the body up and closes its connection, unless it was already complete. Never throws. */
  destroy(): void {
    this.#chunks.length = 0
    this.#taken = true
    this.#fail('aborted', {})
  }

  /** Ends the body with the failure of its exchange. For the exchange alone. */
  fail(error: HttpPoolError): void {
    if (this.#state !== 'open') return
    this.#state = 'failed'
    this.#failure = error
    this.#message.destroy()
    this.#context.onOver(error)
    const reader = this.#reader
    this.#reader = undefined
    reader?.reject(error)
  }

  #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const chunk = this.#chunks.shift()
    if (chunk !== undefined) {
      this.#chunksBytes -= chunk.byteLength
      if (this.#chunksBytes === 0) this.#resume()
      return Promise.resolve({ done: false, value: chunk })
    }
    if (this.#state === 'ended') return Promise.resolve({ done: true, value: undefined })
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject }
    })
  }

  #receive(chunk: Buffer): void {
    if (this.#state !== 'open') return
    this.#receivedBytes += chunk.byteLength
    if (this.#receivedBytes > this.#maxBytes) return this.#fail('too_large', { limit: this.#maxBytes })
    if (this.#discarding) return
    this.#context.timer.refresh()
    if (this.#reader !== undefined && this.#readAheadBytes === READ_AHEAD_BYTES) {
      const reader = this.#reader
      this.#reader = undefined
      reader.resolve({ done: false, value: chunk })
      return
    }
    this.#chunks.push(chunk)
    this.#chunksBytes += chunk.byteLength
    if (this.#chunksBytes >= this.#readAheadBytes) this.#pause()
  }

  #end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#context.onOver(undefined)
    const reader = this.#reader
    this.#reader = undefined
    reader?.resolve({ done: true, value: undefined })
  }

  #fail(reason: HttpPoolErrorReason, detail: { cause?: unknown; limit?: number }): void {
    if (this.#state !== 'open') return
    this.fail(this.#createFailure(reason, detail))
  }

  #createFailure(reason: HttpPoolErrorReason, detail: { cause?: unknown; limit?: number }): HttpPoolError {
    const { announcedBytes, origin } = this.#context
    const sizeBytes = announcedBytes > 0 ? announcedBytes : undefined
    return createFailure(reason, { origin, requestSent: true, sizeBytes, ...detail })
  }

  #pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#context.timer.stop()
    this.#message.pause()
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#state !== 'open') return
    if (!this.#discarding) this.#startIdleTimer()
    this.#message.resume()
  }

  #startIdleTimer(): void {
    this.#context.timer.start('idle_timeout', this.#context.idleMs)
  }

  #take(): void {
    if (this.#taken) throw new TypeError('the body of this response has been read or given up already')
    this.#taken = true
  }
}
