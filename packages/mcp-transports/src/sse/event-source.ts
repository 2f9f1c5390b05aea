import { setTimeout as delay } from 'node:timers/promises'

import type { HeaderField, HttpPool, RelayResponse, RelayTimeoutOptions } from '@mreg/http-pool'
import { HEADER, SseDecoder, type SseEvent } from '@mreg/mcp-wire'

import { readRefusal } from '../read-refusal.ts'
import { isIdentityEncoded, mediaType } from '../reply-headers.ts'
import type { UpstreamRefusedReply } from '../upstream-reply.ts'
import { UpstreamTransportError } from '../upstream-transport-error.ts'
import { sseFailure } from './sse-failure.ts'

export interface EventSourceOptions {
  readonly pool: HttpPool
  readonly url: URL
  /** Header fields of each request, credentials among them. */
  readonly fields: () => readonly HeaderField[]
  readonly timeouts: RelayTimeoutOptions | undefined
  readonly maxEventBytes: number
  /** Gets each event; what it throws ends the stream for good. */
  readonly onEvent: (event: SseEvent) => void
}

const ACCEPT: HeaderField = ['accept', 'text/event-stream']
/** An open stream may be silent for hours. */
const NO_END = { idleMs: Number.POSITIVE_INFINITY, totalMs: Number.POSITIVE_INFINITY }
/** How often in a row the stream is opened again that gives nothing. */
const MAX_EMPTY = 3
const PAUSE_MS = { default: 1_000, least: 50, most: 30_000 }

/** The stream of one session. One whose events have ids is opened again after the last of them when it breaks. */
export class EventSource {
  readonly #options: EventSourceOptions
  readonly #closed = new AbortController()
  #lastEventId: string | undefined
  #retryMs: number = PAUSE_MS.default
  #events = 0

  constructor(options: EventSourceOptions) {
    this.#options = options
  }

  /**
   * Opens the stream. `over` fulfils with the reason when it has ended for good, and never rejects.
   *
   * @throws {UpstreamTransportError} when there is no stream.
   */
  async open(): Promise<
    UpstreamRefusedReply | { readonly kind: 'open'; readonly over: Promise<UpstreamTransportError> }
  > {
    const response = await this.#request()
    return 'kind' in response ? response : { kind: 'open', over: this.#run(response) }
  }

  /** Ends the stream. Idempotent. */
  close(): void {
    this.#closed.abort()
  }

  async #request(): Promise<RelayResponse | UpstreamRefusedReply> {
    const { fields, pool, timeouts, url } = this.#options
    try {
      const resume: readonly HeaderField[] =
        this.#lastEventId === undefined ? [] : [[HEADER.lastEventId, this.#lastEventId]]
      const response = await pool.relay({
        url,
        method: 'GET',
        headers: [ACCEPT, ...resume, ...fields()],
        signal: this.#closed.signal,
        timeouts: { ...timeouts, ...NO_END },
        maxResponseBytes: Number.POSITIVE_INFINITY,
      })
      if (response.status !== 200) return await readRefusal(response)
      if (mediaType(response.headers) === 'text/event-stream' && isIdentityEncoded(response.headers))
        return response
      response.body.destroy()
    } catch (error) {
      throw sseFailure('the event stream', error)
    }
    throw new UpstreamTransportError(`${url.origin} answered in another type than an event stream`, {
      reason: 'bad_content_type',
      requestSent: true,
    })
  }

  async #run(first: RelayResponse): Promise<UpstreamTransportError> {
    let response = first
    for (let empty = 0; ; empty += 1) {
      const heard = this.#events
      const { failure, isFinal } = await this.#read(response)
      if (this.#events > heard) empty = 0
      if (isFinal || this.#lastEventId === undefined || empty >= MAX_EMPTY || this.#isClosed) return failure
      const pauseMs = Math.min(Math.max(this.#retryMs, PAUSE_MS.least), PAUSE_MS.most)
      await delay(pauseMs, undefined, { signal: this.#closed.signal, ref: false }).catch(() => {})
      if (this.#isClosed) return failure
      const next = await this.#request().catch(() => undefined)
      if (next === undefined || 'kind' in next) return failure
      response = next
    }
  }

  get #isClosed(): boolean {
    return this.#closed.signal.aborted
  }

  /** Reads to the end. Gives why it ended, and whether it makes no sense to go on. */
  async #read(
    response: RelayResponse,
  ): Promise<{ readonly failure: UpstreamTransportError; readonly isFinal: boolean }> {
    const { maxEventBytes } = this.#options
    const decoder = new SseDecoder({ maxEventBytes })
    let isReading = true
    try {
      for await (const chunk of response.body) {
        isReading = false
        for (const event of decoder.push(chunk)) this.#take(event)
        // The decoder gives the events before one that is too large, and throws at the next call.
        decoder.push(NOTHING)
        isReading = true
      }
    } catch (error) {
      return { failure: sseFailure('the event stream', error), isFinal: !isReading }
    } finally {
      response.body.destroy()
    }
    const text = 'the server ended its event stream'
    return {
      failure: new UpstreamTransportError(text, { reason: 'truncated', requestSent: true }),
      isFinal: false,
    }
  }

  #take(event: SseEvent): void {
    this.#events += 1
    if (event.id !== undefined) this.#lastEventId = event.id === '' ? undefined : event.id
    if (event.retryMs !== undefined) this.#retryMs = event.retryMs
    this.#options.onEvent(event)
  }
}

const NOTHING = new Uint8Array(0)
