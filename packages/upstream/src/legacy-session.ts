import type { UpstreamReply } from '@mreg/mcp-transports'
import { encodeNotification, encodeRequest } from '@mreg/mcp-wire'

import type { EndpointRequest } from './endpoint-request.ts'
import { isJsonObject, type JsonObject } from './json-object.ts'
import { readResponse } from './read-response.ts'
import { isSessionLost } from './session-lost.ts'
import type { UpstreamEndpoint } from './upstream-endpoint.ts'
import { UpstreamError } from './upstream-error.ts'

/** A session that an upstream has opened. */
export interface OpenedSession {
  /** What the upstream calls it; undefined when it keeps none. */
  readonly sessionId: string | undefined
  /** What it answered to `initialize`; undefined when the client has had that answer. */
  readonly result?: JsonObject | undefined
}

/** What is needed to open an upstream session, and to open it again. */
export interface LegacySessionSeed {
  /** Identifies the client's session in this process. */
  readonly id: string
  /** Whose it is. */
  readonly principalId?: string | undefined
  readonly protocolVersion: string
  readonly clientCapabilities: JsonObject
  readonly clientInfo: JsonObject
  /** The upstream's session as it was when the client's began; undefined: this endpoint has opened none yet. */
  readonly opened: OpenedSession | undefined
}

/** How long the opening of a session may take, in milliseconds; less for a request that has less time. */
const OPEN_TIMEOUT_MS = 30_000

/**
 * One client's session with an upstream of the 2025-11-25 era or older. An upstream that restarts and
 * forgets it is initialised once more, however many requests notice at the same time, and the message
 * that found out is sent again: it was not executed.
 */
export class LegacySession {
  readonly seed: LegacySessionSeed
  /** Where it is. */
  readonly endpoint: UpstreamEndpoint
  #opened: OpenedSession | undefined
  #opening: Promise<OpenedSession> | undefined

  constructor(seed: LegacySessionSeed, endpoint: UpstreamEndpoint) {
    this.seed = seed
    this.endpoint = endpoint
    this.#opened = seed.opened
  }

  /** The upstream's session as it is now; undefined: none was opened yet. */
  get opened(): OpenedSession | undefined {
    return this.#opened
  }

  /**
   * The upstream's session, opened where there is none.
   *
   * @throws {UpstreamError} as the endpoint does, and `session_lost` when it opens none.
   */
  async open(): Promise<OpenedSession> {
    return this.#session(OPEN_TIMEOUT_MS)
  }

  /** @throws {UpstreamError} as the endpoint does, and `session_lost` when a new session is refused as well. */
  async send(request: EndpointRequest): Promise<UpstreamReply> {
    return this.#withSession(request, 'send')
  }

  /**
   * Opens the stream on which the upstream speaks unasked.
   *
   * @throws {UpstreamError} as {@link LegacySession.send} does.
   */
  async listen(request: EndpointRequest): Promise<UpstreamReply> {
    return this.#withSession(request, 'listen')
  }

  /** Ends the upstream's session, if it keeps one. */
  async end(): Promise<void> {
    const sessionId = this.#opened?.sessionId
    if (sessionId === undefined) return
    await this.endpoint.endSession(sessionId, this.seed.protocolVersion, undefined, this.seed.principalId)
  }

  async #withSession(request: EndpointRequest, how: 'send' | 'listen'): Promise<UpstreamReply> {
    const { principalId } = this.seed
    const endsAt = performance.now() + request.timeoutMs
    const used = (this.#opening === undefined && this.#opened) || (await this.#sessionFor(request))
    const reply = await this.endpoint[how](withSession(request, principalId, used))
    if (!isSessionLost(reply, how, used)) return reply
    const next = await this.#sessionFor(request, used)
    // What opening took is not there any more.
    const timeoutMs = Math.max(1, Math.ceil(endsAt - performance.now()))
    const second = await this.endpoint[how]({ ...withSession(request, principalId, next), timeoutMs })
    if (isSessionLost(second, how, next))
      throw new UpstreamError('session_lost', 'the server does not keep the session that it has just opened')
    return second
  }

  /** The session for a request. When it cannot be had, nothing of the request was sent. */
  async #sessionFor({ lease, timeoutMs }: EndpointRequest, lost?: OpenedSession): Promise<OpenedSession> {
    try {
      return await this.#session(timeoutMs, lost)
    } catch (error) {
      lease?.release()
      throw UpstreamError.is(error) ? unsent(error) : error
    }
  }

  /** The upstream's session. When there is none, or none but `lost`, one is opened: one for all who ask meanwhile. */
  async #session(timeoutMs: number, lost?: OpenedSession): Promise<OpenedSession> {
    if (this.#opening !== undefined) return this.#opening
    if (this.#opened !== undefined && this.#opened !== lost) return this.#opened
    this.#opening = this.#open(Math.min(timeoutMs, OPEN_TIMEOUT_MS)).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(timeoutMs: number): Promise<OpenedSession> {
    const reply = await this.endpoint.send({
      message: encodeRequest({
        id: `mreg-reopen-${this.seed.id}`,
        method: 'initialize',
        params: {
          protocolVersion: this.seed.protocolVersion,
          capabilities: this.seed.clientCapabilities,
          clientInfo: this.seed.clientInfo,
        },
      }),
      method: 'initialize',
      principalId: this.seed.principalId,
      timeoutMs,
    })
    const { sessionId } = reply
    const { result } = await readResponse(reply)
    if (!isJsonObject(result)) {
      throw new UpstreamError('session_lost', 'the server lost the session and does not open a new one')
    }
    const opened: OpenedSession = { sessionId, result }
    await this.endpoint.send({
      message: encodeNotification({ method: 'notifications/initialized' }),
      method: 'notifications/initialized',
      sessionId: opened.sessionId,
      principalId: this.seed.principalId,
      protocolVersion: versionOf(opened) ?? this.seed.protocolVersion,
      timeoutMs,
    })
    this.#opened = opened
    return opened
  }
}

const unsent = (error: UpstreamError): UpstreamError => {
  const { cause, message, reason, retryAfterMs, status } = error
  return new UpstreamError(reason, message, { cause, retryAfterMs, status, requestSent: false })
}

/** A request in a session: under the version that was agreed on, unless it names one. */
const withSession = (
  request: EndpointRequest,
  principalId: string | undefined,
  opened: OpenedSession,
): EndpointRequest => ({
  ...request,
  principalId,
  sessionId: opened.sessionId,
  protocolVersion: request.protocolVersion ?? versionOf(opened),
})

const versionOf = ({ result }: OpenedSession): string | undefined => {
  const version = result?.['protocolVersion']
  return typeof version === 'string' ? version : undefined
}
