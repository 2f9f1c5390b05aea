import {
  encodeRequest,
  encodeResult,
  ERROR_CODE,
  HEADER,
  readValue,
  scanMessage,
  type ScannedMessage,
} from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject, parseJsonObject, readResponse } from '@mreg/upstream'

import { eventsOf } from '../../answer-turns.ts'
import { type Answer, emptyAnswer, errorAnswer, jsonAnswer, streamAnswer } from '../../answer.ts'
import type { Send, Turn } from '../../converse.ts'
import type { ProcessLine } from '../../processes/process-line.ts'
import type { Relay } from '../../relay.ts'
import type { Attempts } from '../../replicas/attempts.ts'
import { acceptsStream, idOf, type Routed, type RoutedMessage } from '../../routed.ts'
import type { SessionClaims } from '../../session-token.ts'
import type { BridgeLimits } from '../limits.ts'
import { LEVELS } from '../log-levels.ts'
import { announcements, isTalkative } from './announcements.ts'
import { BridgedCall } from './call.ts'
import { initializeResult, modernCapabilities } from './capabilities.ts'
import { type ClientSession, ClientSessions } from './client-session.ts'
import { legacyResponse } from './legacy-result.ts'
import { envelopeMeta, MODERN_VERSION, type ModernEnvelope } from './modern-request.ts'
import type { ModernServer } from './modern-server.ts'
import { SessionsElsewhere } from './sessions-elsewhere.ts'
import { ToolShapes } from './tool-shapes.ts'

/** What a client has said of itself. */
type Client = Pick<SessionClaims, 'clientCapabilities' | 'clientInfo'>

/** What the newer era has no request for, or means something else by. */
const NOT_BRIDGED = /^(tasks\/|server\/discover$|subscriptions\/listen$)/u

/** The most pages of a list of tools that are read to find out how to call one. */
const MAX_PAGES = 50

/** Lets clients of the older era talk to servers of the newer one. */
export class ToModern {
  readonly #relay: Relay
  readonly #limits: BridgeLimits
  readonly #sessions: ClientSessions
  readonly #elsewhere: SessionsElsewhere | undefined
  readonly #shapes = new WeakMap<ModernServer, ToolShapes>()
  readonly #capabilities = new WeakMap<ModernServer, JsonObject>()

  /**
   * @param line to the other processes of the gateway; undefined: there are none.
   * @param topic tells the sessions of this bridge from those of another one.
   */
  constructor(relay: Relay, limits: BridgeLimits, line?: ProcessLine, topic = 'session') {
    this.#relay = relay
    this.#limits = limits
    this.#elsewhere =
      line &&
      new SessionsElsewhere(line, topic, (sessionId, message) => this.#hearElsewhere(sessionId, message))
    this.#sessions = new ClientSessions(limits.maxSessions, this.#elsewhere?.questionPrefix)
  }

  /** The server's answer to `initialize`, from what it says of itself. */
  async *initialize(
    message: RoutedMessage,
    endpoint: ModernServer,
    client: Client,
    attempts?: Attempts,
  ): AsyncGenerator<Turn, void, undefined> {
    const { exchange, route, scanned } = message
    const id = idOf(scanned) ?? ''
    const send: Send = (examine) =>
      (attempts?.endpoint ?? endpoint).send({
        ...discoverRequest(envelopeOf(client), id),
        principalId: exchange.principal.id,
        timeoutMs: attempts?.remainingMs ?? this.#relay.deadlineMs(message),
        lease: attempts?.begin(),
        examine,
      })
    const again = attempts && ((error: unknown) => attempts.another(error))
    for await (const turn of this.#relay.converse(message, send, {
      era: 'modern',
      keepStatus: false,
      again,
    })) {
      if (!turn.final) continue
      const result = parseJsonObject(turn.message)?.['result']
      if (!isJsonObject(result)) {
        yield turn
        return
      }
      this.#learnCapabilities(attempts?.endpoint ?? endpoint, result)
      const params = scanned.paramsSpan && readValue(exchange.body, scanned.paramsSpan)
      const version = isJsonObject(params) ? params['protocolVersion'] : undefined
      yield {
        ...turn,
        scanned: undefined,
        message: encodeResult({ id, result: initializeResult(result, version, route.server) }),
      }
    }
  }

  /** Takes one message of a session. */
  async post(
    message: RoutedMessage,
    endpoint: ModernServer,
    claims: SessionClaims,
    attempts?: Attempts,
  ): Promise<Answer> {
    const { exchange, scanned } = message
    const session = await this.#sessionOf(claims.sessionId)
    const { body } = exchange
    if (scanned.kind === 'response') {
      if (!hear(session, scanned, body)) await this.#elsewhere?.passAnswer(claims.sessionId, scanned.id, body)
      return emptyAnswer(202)
    }
    if (scanned.kind === 'notification') {
      if (!hear(session, scanned, body)) this.#elsewhere?.tellAll(claims.sessionId, body)
      return emptyAnswer(202)
    }
    const own = this.#ownAnswer(body, scanned, session)
    // The stream on which the client hears of it may be elsewhere.
    if (own !== undefined) {
      this.#elsewhere?.tellAll(claims.sessionId, body)
      this.#elsewhere?.leave(claims.sessionId, session.facts, claims.expiresAt - Date.now())
    }
    return own ?? this.#relay.answerTurns(message, this.turns(message, endpoint, claims, attempts))
  }

  /** A response of the newer era to a client of the older one, as if the server had given it. */
  inOlderEra(response: Uint8Array, { scanned }: RoutedMessage, endpoint: ModernServer): Uint8Array {
    const id = idOf(scanned) ?? ''
    return legacyResponse(response, scanMessage(response), {
      id,
      request: scanned,
      shapes: this.#shapesOf(endpoint),
    })
  }

  /** What the server answers to one request. */
  turns(
    message: RoutedMessage,
    endpoint: ModernServer,
    claims: SessionClaims,
    attempts?: Attempts,
  ): AsyncGenerator<Turn, void, undefined> {
    this.#relay.bridged(message)
    const shapes = this.#shapesOf(endpoint)
    const call = new BridgedCall({
      relay: this.#relay,
      limits: this.#limits,
      message,
      endpoint,
      attempts,
      session: this.#sessions.get(claims.sessionId),
      shapes,
      clientCapabilities: claims.clientCapabilities,
      clientInfo: claims.clientInfo,
      canAsk: acceptsStream(message.exchange),
      refreshShapes: () => this.#refresh(shapes, message, endpoint, claims),
    })
    return call.turns()
  }

  /** Opens the stream on which the client hears what the server says unasked. */
  async get({ exchange }: Routed, endpoint: ModernServer, claims: SessionClaims): Promise<Answer> {
    const capabilities = await this.#capabilitiesOf(endpoint, exchange.principal.id, claims)
    if (!isTalkative(capabilities)) return emptyAnswer(405, [['allow', 'POST, DELETE']])
    const session = await this.#sessionOf(claims.sessionId)
    const turns = announcements({
      relay: this.#relay,
      exchange,
      endpoint,
      session,
      envelope: envelopeOf(claims),
      capabilities,
    })
    return streamAnswer(eventsOf(turns, this.#relay.timeouts.heartbeatMs))
  }

  end(sessionId: string): void {
    this.#sessions.end(sessionId)
  }

  /** What concerns the session alone, which is ours. */
  #ownAnswer(body: Uint8Array, scanned: ScannedMessage, session: ClientSession): Answer | undefined {
    const { method = '', uri } = scanned
    const id = idOf(scanned) ?? ''
    const done = (): Answer => jsonAnswer(encodeResult({ id, result: {} }))
    if (method === 'logging/setLevel') {
      const level = levelIn(body, scanned)
      if (level === undefined) return refuse(id, ERROR_CODE.invalidParams, 'params.level is not a level.')
      session.logLevel = level
      return done()
    }
    if (method === 'resources/subscribe' || method === 'resources/unsubscribe') {
      if (uri === undefined) return refuse(id, ERROR_CODE.invalidParams, 'params.uri is missing.')
      if (method === 'resources/unsubscribe') session.unsubscribe(uri)
      else if (session.subscriptions.size >= MAX_SUBSCRIPTIONS)
        return refuse(
          id,
          ERROR_CODE.invalidRequest,
          `A session has at most ${MAX_SUBSCRIPTIONS} subscriptions.`,
        )
      else session.subscribe(uri)
      return done()
    }
    return NOT_BRIDGED.test(method) ? refuse(id, ERROR_CODE.methodNotFound, 'Method not found') : undefined
  }

  /** What is remembered of a session: here, or by whoever had it before. */
  async #sessionOf(sessionId: string): Promise<ClientSession> {
    if (this.#sessions.find(sessionId) === undefined) {
      const facts = await this.#elsewhere?.takeOver(sessionId)
      // Unless another request of it was faster.
      if (facts !== undefined && this.#sessions.find(sessionId) === undefined)
        this.#sessions.get(sessionId).restore(facts)
    }
    return this.#sessions.get(sessionId)
  }

  /** Takes what a client has said to another process in a session of which something is remembered here. */
  #hearElsewhere(sessionId: string, message: Uint8Array): void {
    const session = this.#sessions.find(sessionId)
    if (session === undefined) return
    const scanned = scanMessage(message, { maxDepth: this.#relay.maxJsonDepth })
    if (scanned.kind === 'request') this.#ownAnswer(message, scanned, session)
    else hear(session, scanned, message)
  }

  #shapesOf(endpoint: ModernServer): ToolShapes {
    const known = this.#shapes.get(endpoint)
    if (known !== undefined) return known
    const shapes = new ToolShapes()
    this.#shapes.set(endpoint, shapes)
    return shapes
  }

  async #refresh(
    shapes: ToolShapes,
    { exchange }: RoutedMessage,
    endpoint: ModernServer,
    client: Client,
  ): Promise<void> {
    let cursor: unknown
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const params = { _meta: envelopeMeta(envelopeOf(client)), ...(cursor === undefined ? {} : { cursor }) }
      const reply = await endpoint.send({
        message: encodeRequest({ id: 'mreg-tools', method: 'tools/list', params }),
        method: 'tools/list',
        protocolVersion: MODERN_VERSION,
        headers: [[HEADER.method, 'tools/list']],
        principalId: exchange.principal.id,
        timeoutMs: this.#relay.timeouts.requestMs,
      })
      const { result } = await readResponse(reply)
      if (!isJsonObject(result) || !Array.isArray(result['tools'])) return
      shapes.learn(result['tools'])
      cursor = result['nextCursor']
      if (typeof cursor !== 'string') return
    }
  }

  async #capabilitiesOf(endpoint: ModernServer, principalId: string, client: Client): Promise<JsonObject> {
    const known = this.#capabilities.get(endpoint)
    if (known !== undefined) return known
    const timeoutMs = this.#relay.timeouts.requestMs
    const reply = await endpoint.send({
      ...discoverRequest(envelopeOf(client), 'mreg-discover'),
      principalId,
      timeoutMs,
    })
    const { result } = await readResponse(reply)
    return isJsonObject(result) ? this.#learnCapabilities(endpoint, result) : {}
  }

  #learnCapabilities(endpoint: ModernServer, { capabilities }: JsonObject): JsonObject {
    const offered = isJsonObject(capabilities) ? capabilities : {}
    this.#capabilities.set(endpoint, offered)
    return offered
  }
}

/** Takes a client's answer, or its word that it does not want one any more. Gives whether that was about something here. */
const hear = (
  session: ClientSession,
  { id, kind, method, requestId }: ScannedMessage,
  body: Uint8Array,
): boolean => {
  if (kind === 'response') return session.answer(id, parseJsonObject(body) ?? {})
  if (method !== 'notifications/cancelled' || requestId === undefined) return true
  const call = session.calls.get(requestId)
  call?.cancel()
  return call !== undefined
}

/** The most resources of whose changes one session hears. */
const MAX_SUBSCRIPTIONS = 1000

const levelIn = (bytes: Uint8Array, { paramsSpan }: ScannedMessage): string | undefined => {
  const params = paramsSpan && readValue(bytes, paramsSpan)
  const level = isJsonObject(params) ? params['level'] : undefined
  return typeof level === 'string' && LEVELS.includes(level) ? level : undefined
}

const envelopeOf = ({ clientCapabilities, clientInfo }: Client): ModernEnvelope => ({
  capabilities: modernCapabilities(clientCapabilities, true),
  clientInfo,
  logLevel: undefined,
})

const discoverRequest = (envelope: ModernEnvelope, id: string | number) => ({
  message: encodeRequest({ id, method: 'server/discover', params: { _meta: envelopeMeta(envelope) } }),
  method: 'server/discover',
  protocolVersion: MODERN_VERSION,
  headers: [[HEADER.method, 'server/discover'] as const],
})

const refuse = (id: string | number, code: number, message: string): Answer =>
  errorAnswer(200, { id, code, message })
