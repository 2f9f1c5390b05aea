import { randomUUID } from 'node:crypto'

import { type Logger, type ServerStatus, silentLogger } from '@mreg/core'
import {
  checkModernHeaders,
  classifyEra,
  encodeResult,
  ERROR_CODE,
  HEADER,
  type JsonRpcId,
  scanMessage,
  type ScannedMessage,
  WireError,
} from '@mreg/mcp-wire'
import type { CatalogStore } from '@mreg/registry'
import type { LegacySessions } from '@mreg/upstream'

import { type Answer, emptyAnswer, errorAnswer, jsonAnswer } from '../answer.ts'
import { BRIDGE_LIMITS, type BridgeLimits } from '../bridge/limits.ts'
import type { ModernServer } from '../bridge/to-modern/modern-server.ts'
import { ToModern } from '../bridge/to-modern/to-modern.ts'
import type { Exchange } from '../exchange.ts'
import { gatewayError } from '../gateway-error.ts'
import { declaredBy, protocolVersionIn } from '../initialization.ts'
import { Relay, type RelayOptions } from '../relay.ts'
import type { RouteTable } from '../route-table.ts'
import { idOf, type RoutedMessage } from '../routed.ts'
import type { ServerProxy } from '../server-proxy.ts'
import { sessionNotFound, sessionTokenOf } from '../session-header.ts'
import { type SessionClaims, SessionTokenTooLargeError, type SessionTokens } from '../session-token.ts'
import { unreadable } from '../unreadable.ts'
import { CATALOG_SETTINGS, type CatalogSettings } from './catalog-settings.ts'
import { Catalogs } from './catalogs.ts'
import { replyOf } from './inner-answer.ts'
import { mergedRoute } from './merged-route.ts'
import { MergedServer } from './merged-server.ts'

export interface MergedProxyOptions extends Omit<RelayOptions, 'logger'> {
  readonly routes: RouteTable
  /** Answers for one server. */
  readonly proxy: ServerProxy
  readonly sessions: LegacySessions
  readonly tokens: SessionTokens
  /** What the gateway says of itself. */
  readonly serverInfo: { readonly name: string; readonly version: string }
  /** Bounds of what is translated between the eras. What is left out has its default. */
  readonly bridge?: Partial<BridgeLimits> | undefined
  /** Keeps what servers offer; undefined: it is forgotten with the process. */
  readonly store?: CatalogStore | undefined
  /** Bounds of the catalogs. What is left out has its default. */
  readonly catalog?: Partial<CatalogSettings> | undefined
  readonly logger?: Logger | undefined
}

/** Whose session a token of `/mcp` is: no server's, as their identifiers are UUIDs. */
const EVERYBODY = 'merged'

/**
 * Answers MCP clients that talk to all servers at once through `/mcp`. To the newer era it speaks as the {@link MergedServer}
 * does, to the older one through the same bridge that serves any server of the newer era.
 */
export class MergedProxy implements Disposable {
  readonly #sessions: LegacySessions
  readonly #tokens: SessionTokens
  readonly #relay: Relay
  readonly #catalogs: Catalogs
  readonly #server: MergedServer
  readonly #toModern: ToModern
  /** The server as each principal has it: what is learned of tools is learned for one. */
  readonly #views = new Map<string, View>()

  constructor({ logger = silentLogger, proxy, ...options }: MergedProxyOptions) {
    const { bridge, limits, routes, serverInfo, sessions, store, timeouts, tokens, upstreams } = options
    const { maxJsonDepth } = limits
    const ask = (exchange: Exchange): Promise<Answer> => proxy.handle(exchange)
    const catalog = { ...CATALOG_SETTINGS, ...options.catalog }
    this.#sessions = sessions
    this.#tokens = tokens
    this.#relay = new Relay({ upstreams, timeouts, limits, logger })
    this.#catalogs = new Catalogs({
      ask,
      routes,
      store,
      limits: { ...catalog, maxJsonDepth },
      timeouts: catalog,
      logger,
    })
    this.#server = new MergedServer({
      ask,
      catalogs: this.#catalogs,
      serverInfo,
      maxJsonDepth,
      heartbeatMs: timeouts.heartbeatMs,
      firstListMs: catalog.firstListMs,
    })
    this.#toModern = new ToModern(this.#relay, { ...BRIDGE_LIMITS, ...bridge })
  }

  /** Other servers are registered now. */
  routesChanged(): void {
    this.#catalogs.routesChanged()
  }

  /** A server is doing better or worse. */
  statusChanged(event: {
    readonly tenantId: string
    readonly serverId: string
    readonly to: ServerStatus
  }): void {
    this.#catalogs.statusChanged(event)
  }

  [Symbol.dispose](): void {
    this.#catalogs[Symbol.dispose]()
  }

  /** Answers one request. Never throws: every failure is an answer. */
  async handle(exchange: Exchange): Promise<Answer> {
    let id: JsonRpcId | null = null
    try {
      if (exchange.method !== 'POST') return await this.#withoutBody(exchange)
      const scanned = scanMessage(exchange.body, { maxDepth: this.#relay.maxJsonDepth })
      id = idOf(scanned)
      return classifyEra(scanned, exchange.header) === 'modern'
        ? await this.#modern(exchange, scanned)
        : await this.#legacy(exchange, scanned)
    } catch (error) {
      if (WireError.is(error)) return unreadable(error, exchange)
      this.#relay.logFailure(exchange, error)
      return errorAnswer(200, { id, ...gatewayError(error, exchange.slug, exchange.requestId) })
    }
  }

  async #modern(exchange: Exchange, scanned: ScannedMessage): Promise<Answer> {
    const fault = checkModernHeaders(scanned, exchange.header)
    if (fault === undefined) return this.#server.respond(exchange, scanned)
    const { status, ...error } = fault
    return errorAnswer(status, { id: idOf(scanned), ...error })
  }

  async #legacy(exchange: Exchange, scanned: ScannedMessage): Promise<Answer> {
    const message: RoutedMessage = { exchange, scanned, route: mergedRoute(exchange.principal.tenantId) }
    if (scanned.kind === 'request' && scanned.method === 'initialize') return this.#initialize(message)
    const claims = await this.#open(exchange, idOf(scanned))
    if ('kind' in claims) return claims
    if (scanned.kind === 'request' && scanned.method === 'ping')
      return jsonAnswer(encodeResult({ id: idOf(scanned) ?? '', result: {} }))
    return this.#toModern.post(message, this.#viewOf(exchange), claims)
  }

  async #withoutBody(exchange: Exchange): Promise<Answer> {
    const claims = await this.#open(exchange, null)
    if ('kind' in claims) return claims
    if (exchange.method === 'GET') {
      const route = mergedRoute(exchange.principal.tenantId)
      return this.#toModern.get({ exchange, route }, this.#viewOf(exchange), claims)
    }
    this.#sessions.end(claims.sessionId)
    this.#toModern.end(claims.sessionId)
    return emptyAnswer(204)
  }

  async #initialize(message: RoutedMessage): Promise<Answer> {
    const { exchange, scanned } = message
    const client = declaredBy(exchange.body)
    let answer: Uint8Array | undefined
    for await (const turn of this.#toModern.initialize(message, this.#viewOf(exchange), client))
      answer = turn.message
    const protocolVersion = answer && protocolVersionIn(answer)
    if (answer === undefined || protocolVersion === undefined) return jsonAnswer(answer ?? new Uint8Array(0))
    try {
      const { token } = this.#tokens.issue({
        principalId: exchange.principal.id,
        tenantId: exchange.principal.tenantId,
        serverId: EVERYBODY,
        endpointId: EVERYBODY,
        upstreamSessionId: undefined,
        upstreamEra: 'modern',
        protocolVersion,
        ...client,
      })
      return jsonAnswer(answer, 200, [[HEADER.sessionId, token]])
    } catch (error) {
      if (!SessionTokenTooLargeError.is(error)) throw error
      const { message: text } = error
      return errorAnswer(400, { id: idOf(scanned), code: ERROR_CODE.invalidParams, message: text })
    }
  }

  /** What the token of the client says, or the answer that there is no session. */
  async #open(exchange: Exchange, id: JsonRpcId | null): Promise<SessionClaims | Answer> {
    const token = sessionTokenOf(exchange, id)
    if (typeof token !== 'string') return token
    const claims = this.#tokens.verify(token, exchange.principal, EVERYBODY)
    if (claims !== undefined && !(await this.#sessions.isEnded(claims.sessionId))) return claims
    return sessionNotFound(id)
  }

  #viewOf({ principal }: Exchange): View {
    const key = `${principal.tenantId} ${principal.id}`
    const known = this.#views.get(key)
    const view = known ?? new View(this.#server, principal)
    this.#views.delete(key)
    this.#views.set(key, view)
    const [oldest] = this.#views.keys()
    if (this.#views.size > MAX_VIEWS && oldest !== undefined) this.#views.delete(oldest)
    return view
  }
}

/** The most principals of whom something is remembered. */
const MAX_VIEWS = 1000

/** The merged server, for the bridge, on behalf of one principal. */
class View implements ModernServer {
  readonly #server: MergedServer
  readonly #principal: Exchange['principal']

  constructor(server: MergedServer, principal: Exchange['principal']) {
    this.#server = server
    this.#principal = principal
  }

  readonly send: ModernServer['send'] = async ({ message, headers = [], protocolVersion, signal }) => {
    const cancelled = new AbortController()
    const named = new Map<string, string>([
      ['content-type', 'application/json'],
      ['accept', 'application/json, text/event-stream'],
      ...(protocolVersion === undefined ? [] : [[HEADER.protocolVersion, protocolVersion] as const]),
      ...headers,
    ])
    const exchange: Exchange = {
      principal: this.#principal,
      slug: '',
      method: 'POST',
      header: (name) => named.get(name),
      headerNames: [...named.keys()],
      body: message,
      requestId: randomUUID(),
      signal: signal === undefined ? cancelled.signal : AbortSignal.any([signal, cancelled.signal]),
    }
    const answer = await this.#server.respond(exchange, scanMessage(message))
    return replyOf(answer, () => cancelled.abort())
  }
}
