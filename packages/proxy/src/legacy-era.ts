import { encodeResult, ERROR_CODE, HEADER, type JsonRpcId } from '@mreg/mcp-wire'
import {
  type LegacySession,
  type LegacySessions,
  type LegacySessionSeed,
  type UpstreamEndpoint,
  type UpstreamEvent,
  type UpstreamReply,
} from '@mreg/upstream'

import { eventsOf } from './answer-turns.ts'
import { type Answer, emptyAnswer, errorAnswer, jsonAnswer, streamAnswer } from './answer.ts'
import type { ToModern } from './bridge/to-modern/to-modern.ts'
import type { Turn } from './converse.ts'
import type { Exchange } from './exchange.ts'
import { gatewayError } from './gateway-error.ts'
import { declaredBy, protocolVersionIn } from './initialization.ts'
import type { Relay, Send } from './relay.ts'
import { resumed } from './resumed-stream.ts'
import type { ServerRoute } from './route-table.ts'
import { acceptsStream, idOf, type Routed, type RoutedMessage } from './routed.ts'
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

/** 2025-11-25 and older: an `initialize`, then messages under its session. */
export class LegacyEra {
  readonly #relay: Relay
  readonly #sessions: LegacySessions
  readonly #tokens: SessionTokens
  readonly #bridge: ToModern

  /** @param bridge to servers that speak only the newer era. */
  constructor(relay: Relay, sessions: LegacySessions, tokens: SessionTokens, bridge: ToModern) {
    this.#bridge = bridge
    this.#relay = relay
    this.#sessions = sessions
    this.#tokens = tokens
  }

  async post(message: RoutedMessage): Promise<Answer> {
    const { exchange, scanned } = message
    if (scanned.kind === 'request' && scanned.method === 'initialize') return this.#initialize(message)
    const opened = await this.#open(message, idOf(scanned))
    if ('kind' in opened) return opened
    if (scanned.kind === 'request' && scanned.method === 'ping') return pong(idOf(scanned))
    if (isBridged(opened)) return this.#bridge.post(message, opened.endpoint, opened.claims)
    const send: Send = async () => {
      const reply = await opened.session.send({
        message: exchange.body,
        method: scanned.method,
        protocolVersion: opened.claims.protocolVersion,
        timeoutMs: this.#relay.deadlineMs(message),
        // No signal: in this era a client that goes away has not cancelled.
      })
      return scanned.kind === 'request' ? this.#goingOn(reply, message, opened) : reply
    }
    return scanned.kind === 'request'
      ? this.#relay.answerTurns(message, this.#turns(message, send, opened))
      : this.#relay.answerNotice(message, send)
  }

  /** Opens the stream on which the server speaks unasked. */
  async get(routed: Routed): Promise<Answer> {
    const { exchange } = routed
    if (!acceptsStream(exchange)) return emptyAnswer(406)
    try {
      const opened = await this.#open(routed, null)
      if ('kind' in opened) return opened
      if (isBridged(opened)) return await this.#bridge.get(routed, opened.endpoint, opened.claims)
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
    } catch (error) {
      this.#relay.logFailure(exchange, error)
      const failure = gatewayError(error, exchange.slug, exchange.requestId)
      const seconds = Math.ceil((failure.data.retryAfterMs ?? STREAM_RETRY_AFTER_MS) / 1000)
      return errorAnswer(503, { id: null, ...failure }, [['retry-after', String(Math.max(1, seconds))]])
    }
  }

  /** Ends a session, here and at the server. */
  async delete(routed: Routed): Promise<Answer> {
    const opened = await this.#open(routed, null)
    if ('kind' in opened) return opened
    this.#sessions.end(opened.claims.sessionId)
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
    send: Send,
    opened: OpenSession,
  ): AsyncGenerator<Turn, void, undefined> {
    let isRefused = false
    const onReply = ({ kind }: UpstreamReply): void => {
      isRefused = kind === 'refused'
    }
    for await (const turn of this.#relay.converse(message, send, { keepStatus: false, onReply })) {
      if (turn.final && isRefused && isBridged(opened)) {
        // It has executed nothing: it did not understand.
        yield* this.#bridge.turns(message, opened.endpoint, opened.claims)
        return
      }
      yield turn
    }
  }

  async #initialize(message: RoutedMessage): Promise<Answer> {
    const endpoint = this.#relay.endpoint(message.route)
    const client = declaredBy(message.exchange.body)
    let era = await this.#relay.eraFor(endpoint, 'legacy', message)
    let upstreamSessionId: string | undefined
    let answer: Uint8Array | undefined
    if (era === 'legacy') {
      let isRefused = false
      answer = await finalMessage(
        this.#relay.converse(message, () => this.#sendInitialize(message, endpoint), {
          keepStatus: false,
          onReply: (reply) => {
            isRefused = reply.kind === 'refused'
            upstreamSessionId = reply.sessionId
          },
        }),
      )
      if (isRefused && (await this.#isModernOnly(message, endpoint))) era = 'modern'
      else endpoint.era.learn({ legacy: protocolVersionIn(answer) === undefined ? undefined : true })
    }
    if (era === 'modern') answer = await finalMessage(this.#bridge.initialize(message, endpoint, client))
    const protocolVersion = answer && protocolVersionIn(answer)
    // An error, or nothing that a client can work with: there is no session.
    if (answer === undefined || protocolVersion === undefined) return jsonAnswer(answer ?? new Uint8Array(0))
    try {
      const { token, claims } = this.#tokens.issue({
        principalId: message.exchange.principal.id,
        tenantId: message.exchange.principal.tenantId,
        serverId: message.route.server.id,
        endpointId: endpoint.target.endpoint.id,
        upstreamSessionId,
        upstreamEra: era === 'modern' ? era : undefined,
        protocolVersion,
        ...client,
      })
      this.#sessions.begin(...this.#seed(message.route, claims))
      return jsonAnswer(answer, 200, [[HEADER.sessionId, token]])
    } catch (error) {
      if (!SessionTokenTooLargeError.is(error)) throw error
      return errorAnswer(400, {
        id: idOf(message.scanned),
        code: ERROR_CODE.invalidParams,
        message: error.message,
      })
    }
  }

  #sendInitialize(message: RoutedMessage, endpoint: UpstreamEndpoint): Promise<UpstreamReply> {
    return endpoint.send({
      message: message.exchange.body,
      method: 'initialize',
      principalId: message.exchange.principal.id,
      timeoutMs: this.#relay.deadlineMs(message),
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
  ): UpstreamReply {
    // The session that the call was sent in: another one does not know its events.
    const sessionId = session.opened?.sessionId
    const timeoutMs = this.#relay.deadlineMs(message)
    return resumed(reply, {
      id: idOf(message.scanned) ?? '',
      maxDepth: this.#relay.maxJsonDepth,
      timeoutMs,
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

  /** The session of the token that the client sent, or the answer that there is none. */
  async #open({ exchange, route }: Routed, id: JsonRpcId | null): Promise<OpenSession | Answer> {
    const token = sessionTokenOf(exchange, id)
    if (typeof token !== 'string') return token
    const claims = this.#tokens.verify(token, exchange.principal, route.server.id)
    const seed = claims && this.#seed(route, claims)
    const session = seed && (await this.#sessions.find(...seed))
    if (claims !== undefined && session !== undefined) return { session, claims, endpoint: session.endpoint }
    return sessionNotFound(id)
  }

  #seed(route: ServerRoute, claims: SessionClaims): [LegacySessionSeed, UpstreamEndpoint] {
    const endpoint = this.#relay.endpoint(route, claims.endpointId)
    const isSame = endpoint.target.endpoint.id === claims.endpointId
    // Another endpoint does not know the session: it opens one of its own.
    const opened = isSame ? { sessionId: claims.upstreamSessionId } : undefined
    const { sessionId: id, principalId, protocolVersion, clientCapabilities, clientInfo } = claims
    return [{ id, principalId, protocolVersion, clientCapabilities, clientInfo, opened }, endpoint]
  }

  #streamOf(exchange: Exchange, messages: AsyncIterable<UpstreamEvent>): Answer {
    const turns = turnsOf(messages, (error) => this.#relay.logFailure(exchange, error))
    return streamAnswer(eventsOf(turns, this.#relay.timeouts.heartbeatMs))
  }
}

/** Whether the server behind a session is spoken to in the newer era. */
const isBridged = ({ claims, endpoint }: OpenSession): boolean =>
  (endpoint.era.known('legacy') ?? claims.upstreamEra) === 'modern'

const finalMessage = async (turns: AsyncIterable<Turn>): Promise<Uint8Array> => {
  for await (const { final, message } of turns) if (final) return message
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
