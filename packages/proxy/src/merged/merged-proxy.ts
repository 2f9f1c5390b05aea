import type { AccessControl } from '@mreg/access'
import type { Cache } from '@mreg/cache'
import { type Logger, type Principal, type ServerStatus, silentLogger } from '@mreg/core'
import {
  checkModernHeaders,
  classifyEra,
  type JsonRpcId,
  scanMessage,
  type ScannedMessage,
  WireError,
} from '@mreg/mcp-wire'
import { type CatalogStore, Discovery, type RegistryDelta, type ToolsetChange } from '@mreg/registry'
import type { LegacySessions } from '@mreg/upstream'

import { noteMessage } from '../active/note-message.ts'
import { type Answer, errorAnswer } from '../answer.ts'
import { BRIDGE_LIMITS, type BridgeLimits } from '../bridge/limits.ts'
import { ToModern } from '../bridge/to-modern/to-modern.ts'
import { selectionByAccess } from '../control/access-selection.ts'
import type { Exchange } from '../exchange.ts'
import { Explainer } from '../explain/explainer.ts'
import { gatewayError } from '../gateway-error.ts'
import type { ProcessLine } from '../processes/process-line.ts'
import { Relay, type RelayOptions } from '../relay.ts'
import type { RouteTable } from '../route-table.ts'
import { idOf } from '../routed.ts'
import type { ServerProxy } from '../server-proxy.ts'
import type { SessionTokens } from '../session-token.ts'
import { unreadable } from '../unreadable.ts'
import { CATALOG_SETTINGS, type CatalogSettings } from './catalog-settings.ts'
import { CatalogViews, type SelectionFor } from './catalog-views.ts'
import { Catalogs } from './catalogs.ts'
import type { LoginUrlFor } from './login-action.ts'
import { MergedServer } from './merged-server.ts'
import { MergedSessions } from './merged-sessions.ts'
import { OfferSizes } from './offer-sizes.ts'
import { processCount } from './process-count.ts'
import { ServerCapabilities } from './server-capabilities.ts'
import { SharedLooks } from './shared-looks.ts'
import { toolsetNotFound, ToolsetScopes } from './toolset-scopes.ts'

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
  /** What all gateways have in common, if there are several: they do not ask servers what another has asked. */
  readonly cache?: Pick<Cache, 'get' | 'set'> | undefined
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

/**
 * Answers MCP clients that talk to all servers at once through `/mcp`, or to a selection of what they offer through
 * `/mcp/sets/{set}`. To the newer era it speaks as the {@link MergedServer}
 * does, to the older one through the same bridge that serves any server of the newer era.
 */
export class MergedProxy implements Disposable {
  /** How much servers and toolsets offer. */
  readonly offers: OfferSizes
  /** Finds what servers offer. */
  readonly discovery: Discovery
  /** Says why callers see what they see. */
  readonly explainer: Explainer
  readonly #proxy: ServerProxy
  readonly #relay: Relay
  readonly #catalogs: Catalogs
  readonly #firstListMs: number
  readonly #capabilities = new ServerCapabilities()
  readonly #routes: RouteTable
  readonly #server: MergedServer
  readonly #scopes: ToolsetScopes
  readonly #legacy: MergedSessions

  constructor({ logger = silentLogger, proxy, ...options }: MergedProxyOptions) {
    const { bridge, limits, routes, serverInfo, sessions, store, timeouts, tokens, upstreams } = options
    const { maxJsonDepth } = limits
    const ask = (exchange: Exchange): Promise<Answer> => proxy.handle(exchange)
    const catalog = { ...CATALOG_SETTINGS, ...options.catalog }
    this.#proxy = proxy
    this.#relay = new Relay({ upstreams, timeouts, limits, logger })
    this.#routes = routes
    this.#scopes = new ToolsetScopes(options.access, options.audit)
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
      processesOf: (route) => processCount(route, upstreams),
      looks: options.cache && new SharedLooks(options.cache),
      ...catalog,
      onTenantChange: (tenantId) => proxy.listsChanged(tenantId),
      store,
      limits: { ...catalog, maxJsonDepth },
      timeouts: catalog,
      logger,
    })
    const views = new CatalogViews([
      ...(options.access === undefined ? [] : [selectionByAccess(options.access)]),
      ...(options.selections ?? []),
      (viewer) => this.#scopes.selectionOf(viewer),
    ])
    this.offers = new OfferSizes((viewer) => {
      const { principal } = viewer
      const catalogs = this.#catalogs
      if (!catalogs.isOpen(principal.tenantId)) return undefined
      const { catalog: all } = catalogs.of(principal)
      return all.servers.length === 0 ? undefined : views.of(all, viewer)
    })
    this.discovery = new Discovery(async (viewer) => {
      await this.observe(viewer.principal)
      return views.of(this.#catalogs.of(viewer.principal).catalog, viewer)
    })
    this.explainer = new Explainer({
      catalogs: this.#catalogs,
      views,
      toolsets: this.#scopes.toolsets,
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
      onHidden: (exchange, name) =>
        options.audit?.hidden(exchange, name, {
          reason: 'tool_not_allowed',
          by: 'the rules about the caller',
        }),
      loginUrlFor: options.loginUrlFor ?? (() => Promise.resolve(undefined)),
      serverInfo,
      maxJsonDepth,
      heartbeatMs: timeouts.heartbeatMs,
      firstListMs: catalog.firstListMs,
      firstCallMs: Math.min(catalog.listMs, timeouts.requestMs),
      quietMs: catalog.quietMs,
    })
    proxy.listFrom(async (principal, slug) => {
      const tenant = this.#catalogs.of(principal)
      await tenant.ready(catalog.firstListMs)
      return tenant.catalog.servers.find((server) => server.slug === slug)
    })
    const limitsOfBridge = { ...BRIDGE_LIMITS, ...bridge }
    const toModern = new ToModern(this.#relay, limitsOfBridge, options.line, 'merged-session')
    this.#legacy = new MergedSessions({ server: this.#server, sessions, tokens, toModern })
  }

  /**
   * Other servers are registered now: they are asked what they offer.
   *
   * @param delta which; undefined: any.
   */
  routesChanged(delta?: RegistryDelta): void {
    this.#catalogs.routesChanged(delta && tenantsIn(delta))
    // Where catalogs are kept, those tell when they have followed.
    for (const tenantId of this.#proxy.listeningTenants)
      if (!this.#catalogs.isOpen(tenantId)) this.#proxy.listsChanged(tenantId)
    this.#capabilities.keep((tenantId, slug) => this.#routes.lookup(tenantId, slug) !== undefined)
  }

  /** What is kept of servers has changed, here or by another process. */
  keptChanged(delta: RegistryDelta): void {
    this.#catalogs.keptChanged(delta)
  }

  /** Toolsets have changed. */
  toolsetsChanged(change: ToolsetChange): void {
    for (const tenantId of this.#scopes.apply(change)) this.#catalogs.selectionsChanged(tenantId)
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
      const scope = this.#scopes.scopeOf(exchange)
      if (exchange.method !== 'POST')
        return scope === undefined
          ? toolsetNotFound(exchange, id)
          : await this.#legacy.withoutBody(exchange, scope)
      const scanned = scanMessage(exchange.body, { maxDepth: this.#relay.maxJsonDepth })
      id = idOf(scanned)
      noteMessage(exchange, scanned)
      if (scope === undefined) return toolsetNotFound(exchange, id)
      return classifyEra(scanned, exchange.header) === 'modern'
        ? await this.#modern(exchange, scanned)
        : await this.#legacy.post(exchange, scanned, scope)
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
}

/** Whose servers have changed; undefined: anybody's. */
const tenantsIn = ({ changed, complete, removed }: RegistryDelta): ReadonlySet<string> | undefined =>
  complete ? undefined : new Set([...changed, ...removed].map(({ tenantId }) => tenantId))
