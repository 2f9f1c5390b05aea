import { type Logger, silentLogger } from '@mreg/core'
import {
  classifyEra,
  ERROR_CODE,
  type JsonRpcId,
  scanMessage,
  type ScannedMessage,
  WireError,
} from '@mreg/mcp-wire'
import type { LegacySessions } from '@mreg/upstream'

import { type Answer, errorAnswer } from './answer.ts'
import { BRIDGE_LIMITS, type BridgeLimits } from './bridge/limits.ts'
import { ToLegacy } from './bridge/to-legacy/to-legacy.ts'
import { ToModern } from './bridge/to-modern/to-modern.ts'
import type { Exchange } from './exchange.ts'
import { gatewayError } from './gateway-error.ts'
import { LegacyEra } from './legacy-era.ts'
import { ModernEra } from './modern-era.ts'
import { Relay, type RelayOptions } from './relay.ts'
import type { RouteTable } from './route-table.ts'
import { idOf } from './routed.ts'
import type { SessionTokens, TokenSealer } from './session-token.ts'
import { unreadable } from './unreadable.ts'

export interface ServerProxyOptions extends Omit<RelayOptions, 'logger'> {
  readonly routes: RouteTable
  readonly sessions: LegacySessions
  readonly tokens: SessionTokens
  /** Seals the state of calls that wait for an answer of their client. */
  readonly requestStates: TokenSealer
  /** Bounds of what is translated between the eras. What is left out has its default. */
  readonly bridge?: Partial<BridgeLimits> | undefined
  readonly logger?: Logger | undefined
}

/** Answers MCP clients that talk to one server through `/mcp/{slug}`: its names, its messages, its order. */
export class ServerProxy {
  readonly #routes: RouteTable
  readonly #maxDepth: number
  readonly #relay: Relay
  readonly #legacy: LegacyEra
  readonly #modern: ModernEra

  constructor({
    bridge,
    requestStates,
    routes,
    sessions,
    tokens,
    logger = silentLogger,
    ...relay
  }: ServerProxyOptions) {
    this.#routes = routes
    this.#maxDepth = relay.limits.maxJsonDepth
    this.#relay = new Relay({ ...relay, logger })
    const limits = { ...BRIDGE_LIMITS, ...bridge }
    this.#legacy = new LegacyEra(this.#relay, sessions, tokens, new ToModern(this.#relay, limits))
    this.#modern = new ModernEra(this.#relay, new ToLegacy(this.#relay, limits, requestStates))
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
    const route = this.#routes.lookup(exchange.principal.tenantId, exchange.slug)
    if (route === undefined) return serverNotFound(exchange, idOf(scanned))
    const era = classifyEra(scanned, exchange.header) === 'modern' ? this.#modern : this.#legacy
    return era.post({ exchange, route, scanned })
  }

  async #withoutBody(exchange: Exchange): Promise<Answer> {
    const route = this.#routes.lookup(exchange.principal.tenantId, exchange.slug)
    if (route === undefined) return serverNotFound(exchange, null)
    return exchange.method === 'GET'
      ? this.#legacy.get({ exchange, route })
      : this.#legacy.delete({ exchange, route })
  }
}

const serverNotFound = ({ slug, requestId }: Exchange, id: JsonRpcId | null): Answer =>
  errorAnswer(404, {
    id,
    code: ERROR_CODE.internal,
    message: `No server is registered as "${slug}".`,
    data: { reason: 'server_not_found', server: slug, requestId },
  })
