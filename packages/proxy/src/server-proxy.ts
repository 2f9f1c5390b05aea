import type { AccessControl, AccessRefusal, RequestLimits } from '@mreg/access'
import { type ChangePolicy, type Logger, type Principal, silentLogger } from '@mreg/core'
import {
  classifyEra,
  ERROR_CODE,
  type JsonRpcId,
  scanMessage,
  type ScannedMessage,
  WireError,
} from '@mreg/mcp-wire'
import type { LegacySessions } from '@mreg/upstream'

import { noteMessage } from './active/note-message.ts'
import { type Answer, errorAnswer } from './answer.ts'
import { BRIDGE_LIMITS, type BridgeLimits } from './bridge/limits.ts'
import { ToLegacy } from './bridge/to-legacy/to-legacy.ts'
import { ToModern } from './bridge/to-modern/to-modern.ts'
import { allowedSubscription } from './control/allowed-subscription.ts'
import type { CallAudit } from './control/call-audit.ts'
import { withinLimits } from './control/call-limits.ts'
import { CapabilityGate, type KnownServers } from './control/capability-gate.ts'
import type { NamedCapability } from './control/named-capability.ts'
import { OwnAnnouncements } from './control/own-announcements.ts'
import type { Exchange } from './exchange.ts'
import { gatewayError } from './gateway-error.ts'
import { LegacyEra } from './legacy-era.ts'
import { ModernEra } from './modern-era.ts'
import type { ProcessLine } from './processes/process-line.ts'
import { Relay, type RelayOptions } from './relay.ts'
import type { RouteTable, ServerRoute } from './route-table.ts'
import { idOf } from './routed.ts'
import type { SessionTokens, TokenSealer } from './session-token.ts'
import { unreadable } from './unreadable.ts'

export interface ServerProxyOptions extends Omit<RelayOptions, 'logger'> {
  readonly routes: RouteTable
  readonly sessions: LegacySessions
  readonly tokens: SessionTokens
  /** Seals the state of calls that wait for an answer of their client. */
  readonly requestStates: TokenSealer
  /** To the other processes of the gateway; undefined: there are none. */
  readonly line?: ProcessLine | undefined
  /** Bounds of what is translated between the eras. What is left out has its default. */
  readonly bridge?: Partial<BridgeLimits> | undefined
  /** What becomes of unapproved definitions of servers without a policy of their own; undefined: they are served. */
  readonly changes?: ChangePolicy | undefined
  /** Says what principals are limited to; undefined: to nothing. */
  readonly access?: AccessControl | undefined
  /** Says who has to wait because servers are asked too much; undefined: nobody has. */
  readonly callLimits?: RequestLimits | undefined
  readonly logger?: Logger | undefined
}

const SERVED: ChangePolicy = { onNew: 'accept', onChange: 'warn', whileQuarantined: 'hide' }

/** Answers MCP clients that talk to one server through `/mcp/{slug}`: its names, its messages, its order. */
export class ServerProxy {
  readonly #routes: RouteTable
  readonly #access: AccessControl | undefined
  readonly #callLimits: RequestLimits | undefined
  readonly #audit: CallAudit | undefined
  readonly #maxDepth: number
  readonly #relay: Relay
  readonly #legacy: LegacyEra
  readonly #modern: ModernEra
  readonly #gate: CapabilityGate
  readonly #announcements: OwnAnnouncements

  constructor({
    access,
    bridge,
    callLimits,
    changes = SERVED,
    line,
    requestStates,
    routes,
    sessions,
    tokens,
    logger = silentLogger,
    ...relay
  }: ServerProxyOptions) {
    this.#routes = routes
    this.#announcements = new OwnAnnouncements(routes)
    this.#access = access
    this.#callLimits = callLimits
    this.#audit = relay.audit
    this.#maxDepth = relay.limits.maxJsonDepth
    this.#relay = new Relay({ ...relay, logger })
    const limits = { ...BRIDGE_LIMITS, ...bridge }
    this.#gate = new CapabilityGate({
      access,
      audit: relay.audit,
      changes,
      scopeOf: ({ targets: [target] }, principalId) =>
        target === undefined ? '' : relay.upstreams.credentialScope(target, principalId),
    })
    const toModern = new ToModern(this.#relay, limits, line)
    this.#legacy = new LegacyEra(this.#relay, sessions, tokens, toModern, this.#gate)
    const toLegacy = new ToLegacy(this.#relay, limits, requestStates, line)
    this.#modern = new ModernEra(this.#relay, toLegacy, this.#gate)
  }

  /** From now on, lists that are not to be relayed are made of what servers are known to offer. */
  listFrom(known: KnownServers): void {
    this.#gate.answerFrom(known)
  }

  /** The tenants in which somebody listens to a single server. */
  get listeningTenants(): ReadonlySet<string> {
    return this.#announcements.tenants
  }

  /** What clients of single servers of a tenant are shown may be something else now: those who listen are told. */
  listsChanged(tenantId: string): void {
    this.#announcements.changed(tenantId)
  }

  /** Answers one request. Never throws: every failure is an answer. */
  async handle(exchange: Exchange): Promise<Answer> {
    let id: JsonRpcId | null = null
    try {
      if (exchange.method !== 'POST') return await this.#withoutBody(exchange)
      const scanned = scanMessage(exchange.body, { maxDepth: this.#maxDepth })
      id = idOf(scanned)
      return await this.#post(exchange, scanned)
    } catch (error) {
      if (WireError.is(error)) return unreadable(error, exchange)
      this.#relay.logFailure(exchange, error)
      return errorAnswer(200, { id, ...gatewayError(error, exchange.slug, exchange.requestId) })
    }
  }

  async #post(exchange: Exchange, scanned: ScannedMessage): Promise<Answer> {
    const route = this.#routeOf(exchange)
    if (route === undefined) return serverNotFound(exchange, idOf(scanned))
    noteMessage(exchange, scanned)
    // What is under way goes on, and is answered: only what is new is refused.
    if (route.server.maintenance && scanned.kind === 'request') return inMaintenance(exchange, idOf(scanned))
    const era = classifyEra(scanned, exchange.header) === 'modern' ? this.#modern : this.#legacy
    const posted = { exchange, route, scanned, startedAt: performance.now() }
    const isListening = isSubscription(scanned) && exchange.isObservation !== true
    const message = isListening ? await allowedSubscription(posted, this.#gate, this.#maxDepth) : posted
    const answer = await (this.#callLimits === undefined ||
    exchange.isObservation === true ||
    scanned.kind !== 'request'
      ? era.post(message)
      : withinLimits(this.#callLimits, this.#audit, message, () => era.post(message)))
    return answer.kind === 'stream' && isListening
      ? this.#announcements.inNewerEra(answer, message, idOf(scanned) ?? '')
      : answer
  }

  /** Why a principal is answered as if there were no such server; undefined: it is not. */
  serverRefusal(principal: Principal, slug: string): AccessRefusal | undefined {
    return this.#access?.limitsOf(principal)?.refusal({ kind: 'server', name: slug })
  }

  /** Whether a server is to see a principal's request about something that it offers. */
  judge(
    route: ServerRoute,
    principal: Principal,
    named: NamedCapability,
  ): ReturnType<CapabilityGate['judge']> {
    return this.#gate.judge(route, principal, named)
  }

  /** undefined: there is no such server, or none for this principal; nobody is told which of the two. */
  #routeOf(exchange: Exchange): ServerRoute | undefined {
    const { isObservation, principal, slug } = exchange
    const refusal = isObservation === true ? undefined : this.serverRefusal(principal, slug)
    const route = this.#routes.lookup(principal.tenantId, slug)
    if (refusal === undefined) return route
    if (route !== undefined) this.#audit?.hidden(exchange, slug, refusal)
    return undefined
  }

  async #withoutBody(exchange: Exchange): Promise<Answer> {
    const route = this.#routeOf(exchange)
    if (route === undefined) return serverNotFound(exchange, null)
    if (exchange.method === 'DELETE') return this.#legacy.delete({ exchange, route })
    const answer = await this.#legacy.get({ exchange, route })
    return answer.kind === 'stream' ? this.#announcements.inOlderEra(answer, { exchange, route }) : answer
  }
}

const isSubscription = ({ kind, method }: ScannedMessage): boolean =>
  kind === 'request' && method === 'subscriptions/listen'

/** When it makes sense to ask again, in milliseconds; nobody knows better. */
const MAINTENANCE_RETRY_MS = 60_000

const inMaintenance = ({ slug, requestId }: Exchange, id: JsonRpcId | null): Answer =>
  errorAnswer(200, {
    id,
    code: ERROR_CODE.internal,
    message: `Server "${slug}" is unavailable: an administrator has taken it out of service for a while.`,
    data: { reason: 'maintenance', server: slug, retryAfterMs: MAINTENANCE_RETRY_MS, requestId },
  })

const serverNotFound = ({ slug, requestId }: Exchange, id: JsonRpcId | null): Answer =>
  errorAnswer(404, {
    id,
    code: ERROR_CODE.internal,
    message: `No server is registered as "${slug}".`,
    data: { reason: 'server_not_found', server: slug, requestId },
  })
