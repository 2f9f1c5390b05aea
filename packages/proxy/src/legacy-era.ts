import { encodeNotification, encodeResult, ERROR_CODE, HEADER, type JsonRpcId } from '@mreg/mcp-wire'
import {
  type LegacySession,
  type LegacySessions,
  type LegacySessionSeed,
  type EndpointRequest,
  type UpstreamEndpoint,
  type UpstreamEvent,
  type UpstreamReply,
} from '@mreg/upstream'

import { eventsOf } from './answer-turns.ts'
import { type Answer, emptyAnswer, errorAnswer, jsonAnswer, streamAnswer } from './answer.ts'
import type { ToModern } from './bridge/to-modern/to-modern.ts'
import type { CapabilityGate } from './control/capability-gate.ts'
import type { Send, Turn } from './converse.ts'
import type { Exchange } from './exchange.ts'
import { gatewayError } from './gateway-error.ts'
import { declaredBy, protocolVersionIn } from './initialization.ts'
import type { Relay } from './relay.ts'
import type { Attempts } from './replicas/attempts.ts'
import { resumed } from './resumed-stream.ts'
import { acceptsStream, idOf, type Routed, type RoutedMessage } from './routed.ts'
import { endUse, inUse, withRoom } from './session-cap.ts'
import { sessionNotFound, sessionTokenOf } from './session-header.ts'
import { type SessionClaims, SessionTokenTooLargeError, type SessionTokens } from './session-token.ts'

/** A session that a client has opened, and what its token says. */
interface OpenSession {
  readonly session: LegacySession
  readonly claims: SessionClaims
  readonly endpoint: UpstreamEndpoint
}

/** When a client whose stream could not be opened should try again, if nothing is known about that. */
const STREAM_RETRY_AFTER_MS = 5000

/** No endpoint: a session that begins while its server is away is opened when it is back. */
const NOWHERE = 'nowhere'

/** 2025-11-25 and older: an `initialize`, then messages under its session. */
export class LegacyEra {
  readonly #relay: Relay
  readonly #sessions: LegacySessions
  readonly #tokens: SessionTokens
  readonly #bridge: ToModern
  readonly #gate: CapabilityGate

  /**
   * @param bridge to servers that speak only the newer era.
   * @param gate answers what servers are not to see.
   */
  constructor(
    relay: Relay,
    sessions: LegacySessions,
    tokens: SessionTokens,
    bridge: ToModern,
    gate: CapabilityGate,
  ) {
    this.#bridge = bridge
    this.#gate = gate
    this.#relay = relay
    this.#sessions = sessions
    this.#tokens = tokens
  }

  async post(message: RoutedMessage): Promise<Answer> {
    const { scanned } = message
    const { caps } = this.#sessions
    if (scanned.kind === 'request' && scanned.method === 'initialize')
      return withRoom(caps, message, (keep) => this.#initialize(message, keep))
    const claims = this.#claimsOf(message, idOf(scanned))
    if ('kind' in claims) return claims
    const attempts = this.#relay.attempts(message, 'legacy', this.#homeOf(claims))
    const opened = await this.#open(claims, attempts.endpoint)
    if (opened === undefined) return sessionNotFound(idOf(scanned))
    if (scanned.kind === 'request' && scanned.method === 'ping') return pong(idOf(scanned))
    const own = await this.#gate.answer(message)
    if (own !== undefined) return jsonAnswer(this.#bridge.inOlderEra(own, message, opened.endpoint))
    return inUse(caps, claims, () =>
      isBridged(opened)
        ? this.#bridge.post(message, opened.endpoint, claims, attempts)
        : this.#relayed(message, opened, attempts),
    )
  }

  /** Takes one message of a session with a server of this era. */
  async #relayed(message: RoutedMessage, opened: OpenSession, attempts: Attempts): Promise<Answer> {
    const { scanned } = message
    return scanned.kind === 'request'
      ? this.#relay.answerTurns(message, this.#turns(message, opened, attempts))
      : this.#relay.answerNotice(message, () => this.#send(message, opened, attempts))
  }

  #send(
    { exchange, scanned }: RoutedMessage,
    opened: OpenSession,
    attempts: Attempts,
    examine?: EndpointRequest['examine'],
  ): Promise<UpstreamReply> {
    const { active } = exchange
    const { claims, session } = opened
    const { id } = scanned
    if (active !== undefined && scanned.kind === 'request' && id !== undefined && id !== null)
      active.tellServer = (reason) => tellCancelled(opened, id, reason)
    return session.send({
      message: exchange.body,
      method: scanned.method,
      protocolVersion: claims.protocolVersion,
      timeoutMs: attempts.remainingMs,
      lease: attempts.begin(),
      examine,
      // Not the client's signal: in this era one that goes away has not cancelled.
      signal: active?.cut,
    })
  }

  /** Opens the stream on which the server speaks unasked. */
  async get(routed: Routed): Promise<Answer> {
    const { exchange } = routed
    if (!acceptsStream(exchange)) return emptyAnswer(406)
    try {
      const opened = await this.#openForStream(routed)
      if ('kind' in opened) return opened
      return await inUse(this.#sessions.caps, opened.claims, () =>
        isBridged(opened)
          ? this.#bridge.get(routed, opened.endpoint, opened.claims)
          : this.#listen(routed, opened),
      )
    } catch (error) {
      this.#relay.logFailure(exchange, error)
      const failure = gatewayError(error, exchange.slug, exchange.requestId)
      const seconds = Math.ceil((failure.data.retryAfterMs ?? STREAM_RETRY_AFTER_MS) / 1000)
      return errorAnswer(503, { id: null, ...failure }, [['retry-after', String(Math.max(1, seconds))]])
    }
  }

  async #listen({ exchange }: Routed, opened: OpenSession): Promise<Answer> {
    const reply = await opened.session.listen({
      message: new Uint8Array(0),
      method: undefined,
      protocolVersion: opened.claims.protocolVersion,
      lastEventId: exchange.header(HEADER.lastEventId),
      signal: exchange.signal,
      timeoutMs: this.#relay.timeouts.requestMs,
    })
    if (reply.kind === 'stream') return this.#streamOf(exchange, reply.messages)
    if (reply.kind === 'refused' && reply.status === 409) {
      const message = 'The session has such a stream already, and the server allows one.'
      return errorAnswer(409, { id: null, code: ERROR_CODE.badRequest, message })
    }
    // The server offers no such stream.
    return emptyAnswer(405, [['allow', 'POST, DELETE']])
  }

  /** Ends a session, here and at the server. */
  async delete(routed: Routed): Promise<Answer> {
    const opened = await this.#openForStream(routed)
    if ('kind' in opened) return opened
    this.#sessions.end(opened.claims.sessionId)
    endUse(this.#sessions.caps, opened.claims)
    this.#bridge.end(opened.claims.sessionId)
    if (isBridged(opened)) return emptyAnswer(204)
    try {
      await opened.session.end()
    } catch (error) {
      // The session is over here; the server's own will end by its age.
      this.#relay.logFailure(routed.exchange, error)
    }
    return emptyAnswer(204)
  }

  /** What the server answers. One that has learnt the newer era, and forgotten the older, is asked again in that. */
  async *#turns(
    message: RoutedMessage,
    first: OpenSession,
    attempts: Attempts,
  ): AsyncGenerator<Turn, void, undefined> {
    let opened = first
    let isRefused = false
    const onReply = ({ kind }: UpstreamReply): void => {
      isRefused = kind === 'refused'
    }
    const send: Send = async (examine) =>
      this.#goingOn(await this.#send(message, opened, attempts, examine), message, opened, attempts)
    const again = async (error: unknown): Promise<boolean> => {
      // Another request of the session may have moved it already.
      if (!(await attempts.another(error, this.#homeOf(opened.claims)))) return false
      const next = await this.#open(opened.claims, attempts.endpoint)
      opened = next ?? opened
      return next !== undefined
    }
    for await (const turn of this.#relay.converse(message, send, {
      era: 'legacy',
      keepStatus: false,
      onReply,
      again,
    })) {
      if (turn.final && isRefused && isBridged(opened)) {
        // It has executed nothing: it did not understand.
        yield* this.#bridge.turns(message, opened.endpoint, opened.claims, attempts)
        return
      }
      yield turn
    }
  }

  async #initialize(message: RoutedMessage, keep: (sessionId: string) => void): Promise<Answer> {
    const attempts = this.#relay.attempts(message, 'legacy')
    const client = declaredBy(message.exchange.body)
    let era = await this.#relay.eraFor(attempts.endpoint, 'legacy', message)
    let upstreamSessionId: string | undefined
    let answer: Turn | undefined
    if (era === 'legacy') {
      let isRefused = false
      answer = await finalTurnOf(
        this.#relay.converse(message, (examine) => this.#sendInitialize(message, attempts, examine), {
          era: 'legacy',
          keepStatus: false,
          onReply: (reply) => {
            isRefused = reply.kind === 'refused'
            upstreamSessionId = reply.sessionId
          },
          again: (error) => attempts.another(error),
        }),
      )
      const { endpoint } = attempts
      if (isRefused && (await this.#isModernOnly(message, endpoint))) era = 'modern'
      else endpoint.era.learn({ legacy: protocolVersionIn(answer.message) === undefined ? undefined : true })
    }
    if (era === 'modern')
      answer = await finalTurnOf(this.#bridge.initialize(message, attempts.endpoint, client, attempts))
    answer &&= await this.#relay.settle(message, answer)
    const protocolVersion = answer && protocolVersionIn(answer.message)
    // An error, or nothing that a client can work with: there is no session.
    if (answer === undefined || protocolVersion === undefined)
      return jsonAnswer(answer?.message ?? new Uint8Array(0))
    try {
      const { token, claims } = this.#tokens.issue({
        principalId: message.exchange.principal.id,
        tenantId: message.exchange.principal.tenantId,
        serverId: message.route.server.id,
        endpointId: answer.isStale === true ? NOWHERE : attempts.endpoint.target.endpoint.id,
        upstreamSessionId,
        upstreamEra: era === 'modern' ? era : undefined,
        protocolVersion,
        ...client,
      })
      this.#sessions.begin(seedOf(claims, attempts.endpoint), attempts.endpoint)
      keep(claims.sessionId)
      return jsonAnswer(answer.message, 200, [[HEADER.sessionId, token]])
    } catch (error) {
      if (!SessionTokenTooLargeError.is(error)) throw error
      return errorAnswer(400, {
        id: idOf(message.scanned),
        code: ERROR_CODE.invalidParams,
        message: error.message,
      })
    }
  }

  #sendInitialize(
    message: RoutedMessage,
    attempts: Attempts,
    examine: EndpointRequest['examine'],
  ): Promise<UpstreamReply> {
    return attempts.endpoint.send({
      message: message.exchange.body,
      method: 'initialize',
      principalId: message.exchange.principal.id,
      signal: message.exchange.active?.cut,
      timeoutMs: attempts.remainingMs,
      lease: attempts.begin(),
      examine,
    })
  }

  /** Whether a server that refuses to initialise does so because it speaks the newer era alone. */
  async #isModernOnly(message: RoutedMessage, endpoint: UpstreamEndpoint): Promise<boolean> {
    if ((await this.#relay.eraFor(endpoint, 'modern', message)) !== 'modern') return false
    endpoint.era.learn({ legacy: false })
    return true
  }

  /** The answer, gone on with when the server closes its stream before the response, as servers do that let clients poll. */
  #goingOn(
    reply: UpstreamReply,
    message: RoutedMessage,
    { session, endpoint, claims }: OpenSession,
    attempts: Attempts,
  ): UpstreamReply {
    // The session that the call was sent in: another one does not know its events.
    const sessionId = session.opened?.sessionId
    const timeoutMs = attempts.remainingMs
    return resumed(reply, {
      id: idOf(message.scanned) ?? '',
      maxDepth: this.#relay.maxJsonDepth,
      timeoutMs,
      signal: message.exchange.active?.cut,
      reopen: (lastEventId, signal) =>
        endpoint.listen({
          message: new Uint8Array(0),
          method: undefined,
          sessionId,
          principalId: claims.principalId,
          protocolVersion: claims.protocolVersion,
          lastEventId,
          signal,
          timeoutMs,
        }),
    })
  }

  /** What the token says that the client sent, or the answer that it is not good. */
  #claimsOf({ exchange, route }: Routed, id: JsonRpcId | null): SessionClaims | Answer {
    const token = sessionTokenOf(exchange, id)
    if (typeof token !== 'string') return token
    return this.#tokens.verify(token, exchange.principal, route.server.id) ?? sessionNotFound(id)
  }

  /** The endpoint that holds the server's session: where it was opened, or moved to. undefined: it holds none. */
  #homeOf({ endpointId, sessionId, upstreamEra }: SessionClaims): string | undefined {
    if (upstreamEra === 'modern') return undefined
    return this.#sessions.endpointOf(sessionId)?.target.endpoint.id ?? endpointId
  }

  /** The session at `endpoint`; undefined when it was ended. */
  async #open(claims: SessionClaims, endpoint: UpstreamEndpoint): Promise<OpenSession | undefined> {
    const session = await this.#sessions.find(seedOf(claims, endpoint), endpoint)
    return session && { session, claims, endpoint }
  }

  /** The session of a request that is no message, or the answer that there is none. */
  async #openForStream(routed: Routed): Promise<OpenSession | Answer> {
    const claims = this.#claimsOf(routed, null)
    if ('kind' in claims) return claims
    const home = this.#homeOf(claims) ?? claims.endpointId
    const endpoint = this.#relay.endpointAt(routed, 'legacy', home)
    return (await this.#open(claims, endpoint)) ?? sessionNotFound(null)
  }

  #streamOf(exchange: Exchange, messages: AsyncIterable<UpstreamEvent>): Answer {
    const turns = turnsOf(messages, (error) => this.#relay.logFailure(exchange, error))
    return streamAnswer(eventsOf(turns, this.#relay.timeouts.heartbeatMs))
  }
}

/** What opens the session again; another endpoint does not know it: it opens one of its own. */
const seedOf = (claims: SessionClaims, { target }: UpstreamEndpoint): LegacySessionSeed => {
  const { sessionId: id, principalId, protocolVersion, clientCapabilities, clientInfo } = claims
  const opened =
    target.endpoint.id === claims.endpointId ? { sessionId: claims.upstreamSessionId } : undefined
  return { id, principalId, protocolVersion, clientCapabilities, clientInfo, opened }
}

/** How long a server may take to hear that a request is cancelled, in milliseconds. */
const CANCEL_MS = 2000

/** Tells the server that nobody waits for the answer to a request any more. */
const tellCancelled = async (
  { claims, session }: OpenSession,
  requestId: JsonRpcId,
  reason: string,
): Promise<void> => {
  const method = 'notifications/cancelled'
  const reply = await session.send({
    message: encodeNotification({ method, params: { requestId, reason } }),
    method,
    protocolVersion: claims.protocolVersion,
    timeoutMs: CANCEL_MS,
  })
  if (reply.kind === 'stream') reply.cancel()
}

/** Whether the server behind a session is spoken to in the newer era. */
const isBridged = ({ claims, endpoint }: OpenSession): boolean =>
  (endpoint.era.known('legacy') ?? claims.upstreamEra) === 'modern'

const finalTurnOf = async (turns: AsyncIterable<Turn>): Promise<Turn> => {
  for await (const turn of turns) if (turn.final) return turn
  throw new Error('a conversation ended without a final turn')
}

/** The gateway is the server that the client sees: it says for itself that it lives. */
const pong = (id: JsonRpcId | null): Answer => jsonAnswer(encodeResult({ id: id ?? '', result: {} }))

/** What comes on a stream that answers no request. It ends when the server breaks it off: the client opens another. */
async function* turnsOf(
  messages: AsyncIterable<UpstreamEvent>,
  onFailure: (error: unknown) => void,
): AsyncGenerator<Turn, void, undefined> {
  try {
    for await (const { message, eventId, retryMs } of messages) {
      yield { message, eventId, retryMs, final: false, status: 200 }
    }
  } catch (error) {
    onFailure(error)
  }
}
