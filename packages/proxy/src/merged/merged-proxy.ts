import type { AccessControl } from '@mreg/access'
import { type Logger, type Principal, type ServerStatus, silentLogger } from '@mreg/core'
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
import type { CatalogStore, RegistryDelta, Selection, ToolsetChange } from '@mreg/registry'
import type { LegacySessions } from '@mreg/upstream'

import { noteMessage } from '../active/note-message.ts'
import { type Answer, emptyAnswer, errorAnswer, jsonAnswer } from '../answer.ts'
import { BRIDGE_LIMITS, type BridgeLimits } from '../bridge/limits.ts'
import { ToModern } from '../bridge/to-modern/to-modern.ts'
import { selectionByAccess } from '../control/access-selection.ts'
import type { Exchange } from '../exchange.ts'
import { Explainer } from '../explain/explainer.ts'
import { gatewayError } from '../gateway-error.ts'
import { declaredBy, protocolVersionIn } from '../initialization.ts'
import type { ProcessLine } from '../processes/process-line.ts'
import { Relay, type RelayOptions } from '../relay.ts'
import type { RouteTable } from '../route-table.ts'
import { idOf, type RoutedMessage } from '../routed.ts'
import type { ServerProxy } from '../server-proxy.ts'
import { endUse, inUse, withRoom } from '../session-cap.ts'
import { sessionNotFound, sessionTokenOf } from '../session-header.ts'
import { type SessionClaims, SessionTokenTooLargeError, type SessionTokens } from '../session-token.ts'
import { unreadable } from '../unreadable.ts'
import { BridgedServer } from './bridged-server.ts'
import { CATALOG_SETTINGS, type CatalogSettings } from './catalog-settings.ts'
import { CatalogViews, type SelectionFor, type Viewer } from './catalog-views.ts'
import { Catalogs } from './catalogs.ts'
import type { LoginUrlFor } from './login-action.ts'
import { mergedRoute } from './merged-route.ts'
import { MergedServer } from './merged-server.ts'
import { OfferSizes } from './offer-sizes.ts'
import { ServerCapabilities } from './server-capabilities.ts'
import { ToolsetTable } from './toolset-table.ts'

export interface MergedProxyOptions extends Omit<RelayOptions, 'logger'> {
  readonly routes: RouteTable
  /** Answers for one server. */
  readonly proxy: ServerProxy
  readonly sessions: LegacySessions
  readonly tokens: SessionTokens
  /** What the gateway says of itself. */
  readonly serverInfo: { readonly name: string; readonly version: string }
  /** To the other processes of the gateway; undefined: there are none. */
  readonly line?: ProcessLine | undefined
  /** Bounds of what is translated between the eras. What is left out has its default. */
  readonly bridge?: Partial<BridgeLimits> | undefined
  /** Keeps what servers offer; undefined: it is forgotten with the process. */
  readonly store?: CatalogStore | undefined
  /** Says what principals are limited to; undefined: to nothing. */
  readonly access?: AccessControl | undefined
  /** What of it each request is shown: what all of these leave, in their order. undefined: all of it. */
  readonly selections?: readonly SelectionFor[] | undefined
  /** Begins logins for servers that want one; undefined: that is done elsewhere, by the command. */
  readonly loginUrlFor?: LoginUrlFor | undefined
  /** Bounds of the catalogs. What is left out has its default. */
  readonly catalog?: Partial<CatalogSettings> | undefined
  readonly logger?: Logger | undefined
}

/** Whose session a token of `/mcp` is: no server's, as their identifiers are UUIDs. That of a toolset names the toolset, too. */
const EVERYBODY = 'merged'

/**
 * Answers MCP clients that talk to all servers at once through `/mcp`, or to a selection of what they offer through
 * `/mcp/sets/{set}`. To the newer era it speaks as the {@link MergedServer}
 * does, to the older one through the same bridge that serves any server of the newer era.
 */
export class MergedProxy implements Disposable {
  /** How much servers and toolsets offer. */
  readonly offers: OfferSizes
  /** Says why callers see what they see. */
  readonly explainer: Explainer
  readonly #sessions: LegacySessions
  readonly #tokens: SessionTokens
  readonly #toolsets = new ToolsetTable()
  readonly #access: AccessControl | undefined
  readonly #relay: Relay
  readonly #catalogs: Catalogs
  readonly #firstListMs: number
  readonly #capabilities = new ServerCapabilities()
  readonly #routes: RouteTable
  readonly #server: MergedServer
  readonly #toModern: ToModern
  /** The server as each principal has it at each address: what is learned of tools is learned for one. */
  readonly #views = new Map<string, BridgedServer>()

  constructor({ logger = silentLogger, proxy, ...options }: MergedProxyOptions) {
    const { bridge, limits, routes, serverInfo, sessions, store, timeouts, tokens, upstreams } = options
    const { maxJsonDepth } = limits
    const ask = (exchange: Exchange): Promise<Answer> => proxy.handle(exchange)
    const catalog = { ...CATALOG_SETTINGS, ...options.catalog }
    this.#sessions = sessions
    this.#tokens = tokens
    this.#relay = new Relay({ upstreams, timeouts, limits, logger })
    this.#routes = routes
    this.#access = options.access
    this.#firstListMs = catalog.firstListMs
    this.#catalogs = new Catalogs({
      ask: async (exchange) => {
        const answer = await ask(exchange)
        this.#capabilities.learn(exchange, answer)
        return answer
      },
      routes,
      scopeOf: ({ targets: [target] }, principalId) =>
        target === undefined ? '' : upstreams.credentialScope(target, principalId),
      maxPrincipals: catalog.maxPrincipals,
      store,
      limits: { ...catalog, maxJsonDepth },
      timeouts: catalog,
      logger,
    })
    const views = new CatalogViews([
      ...(options.access === undefined ? [] : [selectionByAccess(options.access)]),
      ...(options.selections ?? []),
      (viewer) => this.#inToolset(viewer),
    ])
    this.offers = new OfferSizes((viewer) => {
      const { principal } = viewer
      const catalogs = this.#catalogs
      return catalogs.isOpen(principal.tenantId)
        ? views.of(catalogs.of(principal).catalog, viewer)
        : undefined
    })
    this.explainer = new Explainer({
      catalogs: this.#catalogs,
      views,
      toolsets: this.#toolsets,
      routes,
      upstreams,
      proxy,
      access: options.access,
      firstListMs: catalog.firstListMs,
    })
    this.#server = new MergedServer({
      ask,
      catalogs: this.#catalogs,
      views,
      capabilities: this.#capabilities,
      loginUrlFor: options.loginUrlFor ?? (() => Promise.resolve(undefined)),
      serverInfo,
      maxJsonDepth,
      heartbeatMs: timeouts.heartbeatMs,
      firstListMs: catalog.firstListMs,
    })
    proxy.listFrom(async (principal, slug) => {
      const tenant = this.#catalogs.of(principal)
      await tenant.ready(catalog.firstListMs)
      return tenant.catalog.servers.find((server) => server.slug === slug)
    })
    this.#toModern = new ToModern(
      this.#relay,
      { ...BRIDGE_LIMITS, ...bridge },
      options.line,
      'merged-session',
    )
  }

  /** Other servers are registered now. */
  routesChanged(): void {
    this.#catalogs.routesChanged()
    this.#capabilities.keep((tenantId, slug) => this.#routes.lookup(tenantId, slug) !== undefined)
  }

  /** What is kept of servers has changed, here or by another process. */
  keptChanged(delta: RegistryDelta): void {
    this.#catalogs.keptChanged(delta)
  }

  /** Toolsets have changed. */
  toolsetsChanged(change: ToolsetChange): void {
    for (const tenantId of this.#toolsets.apply(change)) this.#catalogs.selectionsChanged(tenantId)
  }

  /** Somebody in a tenant may use other things than before. */
  accessChanged(tenantId: string): void {
    this.#catalogs.selectionsChanged(tenantId)
  }

  /**
   * Has the servers asked what they offer, if nobody has yet, and waits a little for their answers: for somebody who looks at what
   * is known of them.
   */
  async observe(principal: Principal): Promise<void> {
    await this.#catalogs.of(principal).ready(this.#firstListMs)
  }

  /** A server is doing better or worse. */
  statusChanged(event: {
    readonly tenantId: string
    readonly serverId: string
    readonly to: ServerStatus
  }): void {
    this.#catalogs.statusChanged(event)
  }

  /** A principal has logged in for a server, or its login has ended. */
  loginChanged(event: {
    readonly tenantId: string
    readonly serverId: string
    readonly principalId: string
  }): void {
    this.#catalogs.loginChanged(event)
  }

  [Symbol.dispose](): void {
    this.#catalogs[Symbol.dispose]()
  }

  /** Answers one request. Never throws: every failure is an answer. */
  async handle(exchange: Exchange): Promise<Answer> {
    let id: JsonRpcId | null = null
    try {
      const scope = this.#scopeOf(exchange)
      if (exchange.method !== 'POST')
        return scope === undefined ? toolsetNotFound(exchange, id) : await this.#withoutBody(exchange, scope)
      const scanned = scanMessage(exchange.body, { maxDepth: this.#relay.maxJsonDepth })
      id = idOf(scanned)
      noteMessage(exchange, scanned)
      if (scope === undefined) return toolsetNotFound(exchange, id)
      return classifyEra(scanned, exchange.header) === 'modern'
        ? await this.#modern(exchange, scanned)
        : await this.#legacy(exchange, scanned, scope)
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

  async #legacy(exchange: Exchange, scanned: ScannedMessage, scope: string): Promise<Answer> {
    const message: RoutedMessage = { exchange, scanned, route: mergedRoute(exchange.principal.tenantId) }
    if (scanned.kind === 'request' && scanned.method === 'initialize')
      return withRoom(this.#sessions.caps, message, (keep) => this.#initialize(message, scope, keep))
    const claims = await this.#open(exchange, idOf(scanned), scope)
    if ('kind' in claims) return claims
    if (scanned.kind === 'request' && scanned.method === 'ping')
      return jsonAnswer(encodeResult({ id: idOf(scanned) ?? '', result: {} }))
    return inUse(this.#sessions.caps, claims, () =>
      this.#toModern.post(message, this.#viewOf(exchange, scope), claims),
    )
  }

  async #withoutBody(exchange: Exchange, scope: string): Promise<Answer> {
    const claims = await this.#open(exchange, null, scope)
    if ('kind' in claims) return claims
    if (exchange.method === 'GET') {
      const route = mergedRoute(exchange.principal.tenantId)
      return inUse(this.#sessions.caps, claims, () =>
        this.#toModern.get({ exchange, route }, this.#viewOf(exchange, scope), claims),
      )
    }
    endUse(this.#sessions.caps, claims)
    this.#sessions.end(claims.sessionId)
    this.#toModern.end(claims.sessionId)
    return emptyAnswer(204)
  }

  async #initialize(
    message: RoutedMessage,
    scope: string,
    keep: (sessionId: string) => void,
  ): Promise<Answer> {
    const { exchange, scanned } = message
    const client = declaredBy(exchange.body)
    let answer: Uint8Array | undefined
    for await (const turn of this.#toModern.initialize(message, this.#viewOf(exchange, scope), client))
      answer = turn.message
    const protocolVersion = answer && protocolVersionIn(answer)
    if (answer === undefined || protocolVersion === undefined) return jsonAnswer(answer ?? new Uint8Array(0))
    try {
      const { token, claims } = this.#tokens.issue({
        principalId: exchange.principal.id,
        tenantId: exchange.principal.tenantId,
        serverId: scope,
        endpointId: scope,
        upstreamSessionId: undefined,
        upstreamEra: 'modern',
        protocolVersion,
        ...client,
      })
      keep(claims.sessionId)
      return jsonAnswer(answer, 200, [[HEADER.sessionId, token]])
    } catch (error) {
      if (!SessionTokenTooLargeError.is(error)) throw error
      const { message: text } = error
      return errorAnswer(400, { id: idOf(scanned), code: ERROR_CODE.invalidParams, message: text })
    }
  }

  /** What the token of the client says, or the answer that there is no session. */
  async #open(exchange: Exchange, id: JsonRpcId | null, scope: string): Promise<SessionClaims | Answer> {
    const token = sessionTokenOf(exchange, id)
    if (typeof token !== 'string') return token
    const claims = this.#tokens.verify(token, exchange.principal, scope)
    if (claims !== undefined && !(await this.#sessions.isEnded(claims.sessionId))) return claims
    return sessionNotFound(id)
  }

  /** What the session of an exchange is with; undefined: with a toolset that does not exist, or not for this principal. */
  #scopeOf({ principal, toolset, toolMode }: Exchange): string | undefined {
    const shown = toolMode === undefined ? EVERYBODY : `${EVERYBODY}?${toolMode}`
    if (toolset === undefined) return shown
    const limits = this.#access?.limitsOf(principal)
    if (limits?.refusal({ kind: 'toolset', name: toolset }) !== undefined) return undefined
    const known = this.#toolsets.lookup(principal.tenantId, toolset)
    return known && `${shown}/${known.id}`
  }

  #inToolset({ principal, toolset }: Viewer): Selection | undefined {
    if (toolset === undefined) return undefined
    return this.#toolsets.lookup(principal.tenantId, toolset)?.selection ?? NOTHING
  }

  #viewOf(exchange: Exchange, scope: string): BridgedServer {
    const { principal } = exchange
    const key = `${principal.tenantId} ${principal.id} ${principal.keyId ?? ''} ${scope}`
    const known = this.#views.get(key)
    // A principal is another object as soon as its key may do something else.
    const view = known?.principal === principal ? known : new BridgedServer(this.#server, exchange)
    this.#views.delete(key)
    this.#views.set(key, view)
    const [oldest] = this.#views.keys()
    if (this.#views.size > MAX_VIEWS && oldest !== undefined) this.#views.delete(oldest)
    return view
  }
}

/** The most principals, at one address each, of whom something is remembered. */
const MAX_VIEWS = 1000

/** What is left of a toolset that was removed. */
const NOTHING: Selection = { concerns: () => false, show: () => undefined }

const toolsetNotFound = ({ requestId, toolset }: Exchange, id: JsonRpcId | null): Answer =>
  errorAnswer(404, {
    id,
    code: ERROR_CODE.internal,
    message: `There is no toolset "${toolset}".`,
    data: { reason: 'toolset_not_found', toolset, requestId },
  })
