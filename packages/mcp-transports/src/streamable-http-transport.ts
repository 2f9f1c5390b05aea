import { HttpPoolError, type HeaderField, type RelayRequest, type RelayResponse } from '@mreg/http-pool'
import { HEADER, SseEventTooLargeError } from '@mreg/mcp-wire'

import { EventMessages } from './event-messages.ts'
import { Flight } from './flight.ts'
import { mergeTimeouts } from './merge-timeouts.ts'
import { readRefusal } from './read-refusal.ts'
import { isIdentityEncoded, mediaType } from './reply-headers.ts'
import { requestFields } from './request-fields.ts'
import type { StreamableHttpTransportOptions } from './streamable-http-options.ts'
import type { UpstreamRefusedReply, UpstreamReply, UpstreamStreamReply } from './upstream-reply.ts'
import { UpstreamTransportError, type UpstreamTransportErrorReason } from './upstream-transport-error.ts'
import type {
  UpstreamEndSessionRequest,
  UpstreamListenRequest,
  UpstreamRequest,
  UpstreamRequestOptions,
  UpstreamTransport,
} from './upstream-transport.ts'

const DEFAULT_MAX_MESSAGE_BYTES = 33_554_432
const DEFAULT_END_SESSION_TIMEOUT_MS = 2_000
const OPENING_BRACE = 0x7b

const POST_FIELDS: readonly HeaderField[] = [
  ['accept', 'application/json, text/event-stream'],
  ['content-type', 'application/json'],
]
const GET_FIELDS: readonly HeaderField[] = [['accept', 'text/event-stream']]

/**
 * The Streamable HTTP transport of both eras of the protocol, on the level of the wire: what differs between them is in
 * the message and the header fields that the caller gives.
 *
 * @throws {RangeError} when a limit is not a positive integer.
 */
export const createStreamableHttpTransport = (options: StreamableHttpTransportOptions): UpstreamTransport =>
  new StreamableHttpTransport(options)

class StreamableHttpTransport implements UpstreamTransport {
  readonly kind = 'streamable-http'
  readonly #options: StreamableHttpTransportOptions
  readonly #url: URL
  readonly #maxMessageBytes: number
  readonly #flights = new Set<Flight>()
  #disposed = false

  constructor(options: StreamableHttpTransportOptions) {
    this.#options = options
    this.#url = new URL(options.url)
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES
    for (const limit of [this.#maxMessageBytes, options.endSessionTimeoutMs ?? 1]) {
      if (!Number.isSafeInteger(limit) || limit < 1) {
        throw new RangeError(
          `maxMessageBytes and endSessionTimeoutMs must be positive integers, got ${limit}`,
        )
      }
    }
  }

  send(request: UpstreamRequest): Promise<UpstreamReply> {
    return this.#exchange(request.method ?? 'a message', request, {
      method: 'POST',
      headers: requestFields(POST_FIELDS, request),
      body: request.message,
      retryable: request.retryable,
      timeouts: mergeTimeouts(request.timeouts, this.#options.timeouts),
    })
  }

  listen(request: UpstreamListenRequest): Promise<UpstreamReply> {
    const { lastEventId, timeouts } = request
    const fields: readonly HeaderField[] =
      lastEventId === undefined ? GET_FIELDS : [...GET_FIELDS, [HEADER.lastEventId, lastEventId]]
    return this.#exchange('listen', request, {
      method: 'GET',
      headers: requestFields(fields, request),
      // Such a stream may have nothing to say for hours.
      timeouts: mergeTimeouts(timeouts, { ...this.#options.timeouts, idleMs: Number.POSITIVE_INFINITY }),
    })
  }

  async endSession(request: UpstreamEndSessionRequest): Promise<void> {
    const totalMs = this.#options.endSessionTimeoutMs ?? DEFAULT_END_SESSION_TIMEOUT_MS
    const flight = this.#takeOff('endSession', request.signal)
    try {
      const response = await this.#relay(flight, {
        method: 'DELETE',
        headers: requestFields([], request),
        timeouts: mergeTimeouts(request.timeouts, { ...this.#options.timeouts, totalMs }),
      })
      response.body.discard()
      const { status } = response
      if ((status >= 200 && status <= 299) || status === 404 || status === 405) return
      throw this.#createError('endSession', 'bad_status', `answered ${status}`)
    } catch (error) {
      throw this.#translate('endSession', error)
    } finally {
      flight.land()
    }
  }

  /** Ends every request and stream of this transport. The pool stays open. Idempotent. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    for (const flight of this.#flights) flight.abort()
    return Promise.resolve()
  }

  async #exchange(
    label: string,
    request: UpstreamRequestOptions,
    relayed: Omit<RelayRequest, 'url'>,
  ): Promise<UpstreamReply> {
    const flight = this.#takeOff(label, request.signal)
    let isStreaming = false
    try {
      const response = await this.#relay(flight, relayed)
      const reply = await this.#classify(label, response, request, flight)
      isStreaming = reply.kind === 'stream'
      return reply
    } catch (error) {
      throw this.#translate(label, error)
    } finally {
      if (!isStreaming) flight.land()
    }
  }

  #relay(flight: Flight, relayed: Omit<RelayRequest, 'url'>): Promise<RelayResponse> {
    return this.#options.pool.relay({
      ...relayed,
      url: this.#url,
      signal: flight.signal,
      // A stream has no length of its own; each message is measured instead.
      maxResponseBytes: Number.POSITIVE_INFINITY,
    })
  }

  async #classify(
    label: string,
    response: RelayResponse,
    request: UpstreamRequestOptions,
    flight: Flight,
  ): Promise<UpstreamReply> {
    const { status, headers, body } = response
    const sessionId = headers.get(HEADER.sessionId)
    if (status < 200 || status > 299) return await this.#refuse(label, response, flight)
    if (status === 202 || status === 204 || headers.get('content-length') === '0') {
      body.discard()
      return { kind: 'accepted', status, sessionId }
    }
    const type = mediaType(headers)
    const isStream = type === 'text/event-stream'
    if ((!isStream && type !== 'application/json') || !isIdentityEncoded(headers)) {
      body.destroy()
      throw this.#createError(
        label,
        'bad_content_type',
        'answered in another type than JSON or an event stream',
      )
    }
    const maxBytes = request.maxMessageBytes ?? this.#maxMessageBytes
    if (isStream) return this.#stream(label, response, maxBytes, flight)
    const message = await body.bytes(maxBytes)
    if (message.byteLength === 0) return { kind: 'accepted', status, sessionId }
    if (!startsLikeObject(message)) {
      throw this.#createError(label, 'not_a_message', 'answered something that is not a JSON object')
    }
    return { kind: 'message', status, message, sessionId }
  }

  #stream(
    label: string,
    response: RelayResponse,
    maxEventBytes: number,
    flight: Flight,
  ): UpstreamStreamReply {
    const { status, headers, body } = response
    const messages = new EventMessages(body, {
      maxEventBytes,
      toError: (error) => this.#translate(label, error),
      onCut: () => this.#createError(label, 'truncated', 'ended its stream within an event'),
      onOver: () => flight.land(),
    })
    return {
      kind: 'stream',
      status,
      messages,
      position: messages,
      sessionId: headers.get(HEADER.sessionId),
      cancel: () => {
        body.destroy()
        flight.land()
      },
    }
  }

  async #refuse(label: string, response: RelayResponse, flight: Flight): Promise<UpstreamRefusedReply> {
    const refusal = await readRefusal(response)
    if (flight.signal.aborted) {
      throw this.#createError(label, this.#disposed ? 'closed' : 'aborted', 'was not heard to the end')
    }
    return refusal
  }

  readonly #forget = (flight: Flight): void => void this.#flights.delete(flight)

  #takeOff(label: string, signal: AbortSignal | undefined): Flight {
    if (this.#disposed) {
      throw new UpstreamTransportError(`${label}: the transport to ${this.#url.origin} is disposed of`, {
        reason: 'closed',
        requestSent: false,
      })
    }
    const flight = new Flight(signal, this.#forget)
    if (!flight.signal.aborted) this.#flights.add(flight)
    return flight
  }

  #translate(label: string, error: unknown): Error {
    if (HttpPoolError.is(error)) {
      const reason = error.reason === 'aborted' && this.#disposed ? 'closed' : error.reason
      const { excess, requestSent } = error
      const details = { reason, requestSent, excess, cause: error }
      return new UpstreamTransportError(`${label}: ${error.message}`, details)
    }
    if (SseEventTooLargeError.is(error)) {
      const { maxEventBytes: limitBytes } = error
      return new UpstreamTransportError(
        `${label}: ${this.#url.origin} sent an event of more than ${limitBytes} bytes`,
        { reason: 'too_large', requestSent: true, excess: { limitBytes }, cause: error },
      )
    }
    if (error instanceof Error) return error
    return this.#createError(label, 'aborted', 'was given up', error)
  }

  #createError(
    label: string,
    reason: UpstreamTransportErrorReason,
    text: string,
    cause?: unknown,
  ): UpstreamTransportError {
    return new UpstreamTransportError(`${label}: ${this.#url.origin} ${text}`, {
      reason,
      requestSent: true,
      cause,
    })
  }
}

const startsLikeObject = (message: Uint8Array): boolean => {
  let index = 0
  while (isJsonSpace(message[index])) index += 1
  return message[index] === OPENING_BRACE
}

const isJsonSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
