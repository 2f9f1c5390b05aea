import { readValue, scanMessage, type ScannedMessage } from '@mreg/mcp-wire'

import { failure } from '../stdio/failure.ts'
import { LENIENT } from '../stdio/raw-message.ts'
import { notUnderstood, sessionNotFound, streamReply } from '../stdio/stdio-replies.ts'
import type { UpstreamReply } from '../upstream-reply.ts'
import type {
  UpstreamEndSessionRequest,
  UpstreamListenRequest,
  UpstreamRequest,
  UpstreamTransport,
} from '../upstream-transport.ts'
import { DEFAULTS, type SseTransportOptions } from './sse-options.ts'
import { SseSession } from './sse-session.ts'

type Limits = Readonly<Record<keyof typeof DEFAULTS, number>>

/**
 * HTTP+SSE, the transport of 2024-11-05: a stream by GET, on which the server names an endpoint and says everything, and
 * messages posted there. Each `initialize` opens a stream and with it a session; an unknown `sessionId` is refused with
 * 404, so whoever handles lost sessions of Streamable HTTP needs nothing more. A call is never sent twice.
 *
 * @throws {RangeError} when a limit is not a positive integer.
 */
export const createSseTransport = (options: SseTransportOptions): UpstreamTransport =>
  new SseTransport(options)

class SseTransport implements UpstreamTransport {
  readonly kind = 'sse'
  readonly #options: SseTransportOptions & Limits
  /** In the order of their last use. */
  readonly #sessions = new Map<string, { readonly session: SseSession; timer: NodeJS.Timeout | undefined }>()
  readonly #opening = new Set<SseSession>()
  #isDisposed = false

  constructor(options: SseTransportOptions) {
    const limits: Limits = {
      maxMessageBytes: options.maxMessageBytes ?? DEFAULTS.maxMessageBytes,
      openTimeoutMs: options.openTimeoutMs ?? DEFAULTS.openTimeoutMs,
      idleSessionMs: options.idleSessionMs ?? DEFAULTS.idleSessionMs,
      maxSessions: options.maxSessions ?? DEFAULTS.maxSessions,
    }
    for (const [name, limit] of Object.entries(limits)) {
      if (!Number.isSafeInteger(limit) || limit < 1)
        throw new RangeError(`${name} must be a positive integer, got ${limit}`)
    }
    this.#options = { ...options, ...limits, url: new URL(options.url) }
  }

  async send(request: UpstreamRequest): Promise<UpstreamReply> {
    const scanned = scanMessage(request.message, LENIENT)
    if (scanned.kind === 'request' && scanned.method === 'initialize') return this.#open(request, scanned)
    const session = this.#use(request.sessionId)
    if (session !== undefined) {
      const reply = await session.send(request, scanned)
      if (reply.kind === 'refused' && reply.status === 404) {
        this.#forget(session.id)?.close(failure('aborted', 'the server does not know the session any more'))
      }
      return reply
    }
    // What needs no session is of an era that this transport does not have.
    return request.sessionId === undefined && scanned.meta?.protocolVersion !== undefined
      ? notUnderstood(scanned)
      : sessionNotFound(scanned)
  }

  /** What the server says of no call in particular. A second listener replaces the first. */
  async listen({ sessionId, signal }: UpstreamListenRequest): Promise<UpstreamReply> {
    const session = this.#use(sessionId)
    if (session === undefined) return sessionNotFound()
    const cancelled = new AbortController()
    const ended = signal === undefined ? cancelled.signal : AbortSignal.any([signal, cancelled.signal])
    return streamReply(session.client.listen(ended), () => cancelled.abort())
  }

  /** Closes the session's stream, which ends it at the server as well. */
  endSession({ sessionId }: UpstreamEndSessionRequest): Promise<void> {
    this.#forget(sessionId)?.close(failure('aborted', 'the session was ended'))
    return Promise.resolve()
  }

  /** Ends all sessions. The pool stays open. Idempotent. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    const reason = failure('closed', 'the transport is disposed of')
    for (const session of this.#opening) session.close(reason)
    for (const id of this.#sessions.keys()) this.#forget(id)?.close(reason)
    return Promise.resolve()
  }

  async #open(request: UpstreamRequest, scanned: ScannedMessage): Promise<UpstreamReply> {
    if (this.#isDisposed) throw failure('closed', 'the transport is disposed of', { requestSent: false })
    const { pool, url, timeouts, maxMessageBytes, openTimeoutMs } = this.#options
    const abilities = abilitiesIn(request.message, scanned)
    const session = new SseSession(
      { pool, url, timeouts, maxMessageBytes, openTimeoutMs, abilities },
      request,
    )
    this.#opening.add(session)
    try {
      const refusal = await session.open(() => void this.#forget(session.id))
      if (refusal !== undefined) return refusal
      const reply = await session.send(request, scanned)
      if (reply.kind !== 'message') {
        session.close(failure('aborted', 'the session was not opened'))
        return reply
      }
      this.#keep(session)
      return { ...reply, sessionId: session.id }
    } catch (error) {
      session.close(failure('aborted', 'the session was not opened'))
      throw error
    } finally {
      this.#opening.delete(session)
    }
  }

  #keep(session: SseSession): void {
    const { maxSessions } = this.#options
    if (this.#sessions.size >= maxSessions) {
      const all = [...this.#sessions.values()].map((kept) => kept.session)
      const oldest = all.find(({ isIdle }) => isIdle) ?? all[0]
      if (oldest !== undefined)
        this.#forget(oldest.id)?.close(failure('aborted', 'there are too many sessions'))
    }
    this.#sessions.set(session.id, { session, timer: undefined })
    this.#use(session.id)
  }

  #use(sessionId: string | undefined): SseSession | undefined {
    if (this.#isDisposed) throw failure('closed', 'the transport is disposed of', { requestSent: false })
    const kept = sessionId === undefined ? undefined : this.#sessions.get(sessionId)
    if (kept === undefined) return undefined
    const { session } = kept
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, kept)
    this.#closeWhenIdle(kept)
    return session
  }

  #closeWhenIdle(kept: { readonly session: SseSession; timer: NodeJS.Timeout | undefined }): void {
    clearTimeout(kept.timer)
    kept.timer = setTimeout(() => {
      if (!kept.session.isIdle) return this.#closeWhenIdle(kept)
      this.#forget(kept.session.id)?.close(failure('aborted', 'the session was not used'))
    }, this.#options.idleSessionMs).unref()
  }

  #forget(sessionId: string): SseSession | undefined {
    const kept = this.#sessions.get(sessionId)
    clearTimeout(kept?.timer)
    this.#sessions.delete(sessionId)
    return kept?.session
  }
}

/** The names of the capabilities that a client declares in `initialize`. */
const abilitiesIn = (message: Uint8Array, { paramsSpan }: ScannedMessage): ReadonlySet<string> => {
  const params = paramsSpan && readValue(message, paramsSpan)
  const capabilities = isObject(params) ? params['capabilities'] : undefined
  return new Set(isObject(capabilities) ? Object.keys(capabilities) : [])
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
