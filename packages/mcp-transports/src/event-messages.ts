import type { ResponseBody } from '@mreg/http-pool'
import { SseDecoder } from '@mreg/mcp-wire'

import type { UpstreamEvent, UpstreamStreamPosition } from './upstream-reply.ts'

const NOTHING = new Uint8Array(0)

/** Reads the messages out of an event stream, one event at a time. */
export class EventMessages implements AsyncIterable<UpstreamEvent>, UpstreamStreamPosition {
  readonly #body: ResponseBody
  readonly #decoder: SseDecoder
  readonly #toError: (error: unknown) => Error
  readonly #onCut: () => Error
  readonly #onOver: () => void
  #lastEventId: string | undefined
  #retryMs: number | undefined

  constructor(
    body: ResponseBody,
    options: {
      readonly maxEventBytes: number
      /** The error to throw for what reading or decoding threw. */
      readonly toError: (error: unknown) => Error
      /** The error to throw when the stream ends within an event. */
      readonly onCut: () => Error
      readonly onOver: () => void
    },
  ) {
    this.#body = body
    this.#decoder = new SseDecoder({ maxEventBytes: options.maxEventBytes })
    this.#toError = options.toError
    this.#onCut = options.onCut
    this.#onOver = options.onOver
  }

  get lastEventId(): string | undefined {
    return this.#lastEventId
  }

  get retryMs(): number | undefined {
    return this.#retryMs
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<UpstreamEvent, void, undefined> {
    try {
      for await (const chunk of this.#body) yield* this.#decode(chunk)
      const isCut = this.#decoder.hasPartialEvent
      this.#decoder.end()
      // The standard drops an event without its blank line. Here it may be the answer to a call: say that it is lost.
      if (isCut) throw this.#onCut()
    } catch (error) {
      throw this.#toError(error)
    } finally {
      this.#body.destroy()
      this.#onOver()
    }
  }

  *#decode(chunk: Uint8Array): Generator<UpstreamEvent, void, undefined> {
    for (const { event, id, retryMs, data } of this.#decoder.push(chunk)) {
      if (id !== undefined) this.#lastEventId = id === '' ? undefined : id
      if (retryMs !== undefined) this.#retryMs = retryMs
      // An event without data primes a stream that can be resumed; one of another type is none of the protocol's.
      if (data === undefined || data.byteLength === 0) continue
      if (event !== undefined && event !== 'message') continue
      yield { message: data, eventId: id, retryMs }
    }
    // The decoder gives the events before one that is too large, and throws at the next call: do not wait for a chunk.
    this.#decoder.push(NOTHING)
  }
}
