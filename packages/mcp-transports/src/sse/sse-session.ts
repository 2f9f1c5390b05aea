import type { HttpPool, RelayTimeoutOptions } from '@mreg/http-pool'
import { scanMessage, type ScannedMessage, type SseEvent } from '@mreg/mcp-wire'

import { CallTable, type ProcessInput } from '../stdio/call-table.ts'
import { failure } from '../stdio/failure.ts'
import { Incoming } from '../stdio/incoming.ts'
import { OfferedRequests } from '../stdio/offered-requests.ts'
import { Outgoing } from '../stdio/outgoing.ts'
import { LENIENT } from '../stdio/raw-message.ts'
import { ServerMessages } from '../stdio/server-messages.ts'
import { SessionTable } from '../stdio/session-table.ts'
import { StdioSession } from '../stdio/stdio-session.ts'
import type { UpstreamRefusedReply, UpstreamReply } from '../upstream-reply.ts'
import { UpstreamTransportError } from '../upstream-transport-error.ts'
import type { UpstreamRequest } from '../upstream-transport.ts'
import { endpointUrl } from './endpoint-url.ts'
import { EventSource } from './event-source.ts'
import { MessagePoster, Refusal } from './message-poster.ts'
import { sseFailure } from './sse-failure.ts'

export interface SseSessionOptions {
  readonly pool: HttpPool
  readonly url: URL
  readonly timeouts: RelayTimeoutOptions | undefined
  readonly maxMessageBytes: number
  readonly openTimeoutMs: number
  /** What its client offers to do for the server. */
  readonly abilities: ReadonlySet<string>
}

/** The same error of a session that was not opened: no message was sent in it. */
const notSent = ({ message, reason, cause }: UpstreamTransportError): UpstreamTransportError =>
  new UpstreamTransportError(message, { reason, requestSent: false, cause })

const always = (): boolean => true
const never = (): void => {}

/** One session with a server of 2024-11-05: a stream on which it says everything, and an endpoint to post to. */
export class SseSession {
  readonly client: StdioSession
  readonly #options: SseSessionOptions
  readonly #source: EventSource
  readonly #calls: CallTable
  readonly #offered: OfferedRequests
  readonly #incoming: Incoming
  readonly #outgoing: Outgoing
  readonly #named = Promise.withResolvers<void>()
  readonly #poster: MessagePoster
  #failure: UpstreamTransportError | undefined

  constructor(options: SseSessionOptions, request: UpstreamRequest) {
    this.#options = options
    this.#poster = new MessagePoster(options, request)
    this.client = new StdioSession(options.abilities)
    const input: ProcessInput = {
      write: (message) => this.#poster.post(message),
      tell: (message) => void this.#poster.post(message).catch(() => {}),
    }
    const { maxMessageBytes } = options
    const offered = new OfferedRequests(input)
    const calls = new CallTable({
      input,
      maxMessageBytes,
      onLost: (lost) => offered.withdraw(({ call }) => call === lost),
    })
    const sessions = new SessionTable({ maxSessions: 1, onEvicted: never })
    sessions.add(this.client)
    const serverMessages = new ServerMessages({
      input,
      calls,
      sessions,
      offered,
      mayAsk: always,
      isShared: false,
    })
    this.#calls = calls
    this.#offered = offered
    this.#incoming = new Incoming({ calls, serverMessages, maxMessageBytes })
    this.#outgoing = new Outgoing({ input, calls, sessions, offered })
    this.#source = new EventSource({
      pool: options.pool,
      url: options.url,
      fields: () => this.#poster.fields,
      timeouts: request.timeouts ?? options.timeouts,
      maxEventBytes: maxMessageBytes,
      onEvent: (event) => this.#take(event),
    })
    // Nobody may wait for it any more.
    this.#named.promise.catch(() => {})
  }

  /** Its id, for its callers; the server's own is part of the endpoint. */
  get id(): string {
    return this.client.id
  }

  /** Whether nothing is under way and nobody listens. */
  get isIdle(): boolean {
    return this.client.calls.size === 0 && !this.client.isListening
  }

  /**
   * Opens the stream and waits until the server has named its endpoint. Gives its refusal, if it refuses.
   *
   * @param onOver - called once when the session has ended by itself.
   * @throws {UpstreamTransportError} when there is no stream, or no endpoint in time; nothing is left open then.
   */
  async open(onOver: () => void): Promise<UpstreamRefusedReply | undefined> {
    const { url } = this.#options
    const { signal, timeouts } = this.#poster.latest
    const openTimeoutMs = Math.min(this.#options.openTimeoutMs, timeouts?.totalMs ?? Number.POSITIVE_INFINITY)
    const late = (): void => {
      const text = `${url.origin} named no endpoint within ${openTimeoutMs} ms`
      this.close(new UpstreamTransportError(text, { reason: 'headers_timeout', requestSent: false }))
    }
    const timer = setTimeout(late, openTimeoutMs)
    const abort = (): void => this.close(failure('aborted', 'was given up', { requestSent: false }))
    signal?.addEventListener('abort', abort)
    try {
      const opened = await this.#source.open()
      if (opened.kind === 'refused') return opened
      void this.#closeAfter(opened.over, onOver)
      await this.#named.promise
      return undefined
    } catch (error) {
      // Why it was closed tells more than that it was.
      const reason = this.#failure ?? sseFailure('the event stream', error)
      this.close(reason)
      throw notSent(reason)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** @throws {UpstreamTransportError} */
  async send(
    request: UpstreamRequest,
    scanned: ScannedMessage = scanMessage(request.message, LENIENT),
  ): Promise<UpstreamReply> {
    this.#poster.latest = request
    const { message } = request
    try {
      if (scanned.kind === 'request') return await this.#outgoing.request(request, scanned, this.client)
      return scanned.kind === 'notification'
        ? await this.#outgoing.notification(message, scanned, this.client)
        : await this.#outgoing.response(message, scanned, this.client)
    } catch (error) {
      if (error instanceof UpstreamTransportError && error.cause instanceof Refusal) return error.cause.reply
      throw error
    }
  }

  /** Ends the session, and every call in it. Idempotent; the first reason counts. */
  close(reason: UpstreamTransportError): void {
    if (this.#failure !== undefined) return
    this.#failure = reason
    this.#source.close()
    this.#poster.close(reason)
    this.#named.reject(reason)
    this.#calls.failAll(reason)
    this.client.end()
    // What the server asked is answered no more: there is nowhere to send it.
    this.#offered.withdraw(() => true)
  }

  async #closeAfter(over: Promise<UpstreamTransportError>, onOver: () => void): Promise<void> {
    this.close(await over)
    onOver()
  }

  #take({ event, data }: SseEvent): void {
    if (data === undefined || data.byteLength === 0) return
    if (event === 'endpoint') this.#setEndpoint(endpointUrl(Buffer.from(data).toString(), this.#options.url))
    else if (event === undefined || event === 'message') this.#incoming.line(data)
  }

  #setEndpoint(endpoint: URL): void {
    const known = this.#poster.endpoint
    if (known === undefined) {
      this.#poster.endpoint = endpoint
      this.#named.resolve()
    } else if (known.href !== endpoint.href) {
      // A stream that was opened again belongs to another session: what is under way will not be answered there.
      throw new UpstreamTransportError('the server opened another session', {
        reason: 'truncated',
        requestSent: true,
      })
    }
  }
}
