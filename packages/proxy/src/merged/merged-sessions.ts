import { encodeResult, ERROR_CODE, HEADER, type JsonRpcId, type ScannedMessage } from '@mreg/mcp-wire'
import type { LegacySessions } from '@mreg/upstream'

import { type Answer, emptyAnswer, errorAnswer, jsonAnswer } from '../answer.ts'
import type { ToModern } from '../bridge/to-modern/to-modern.ts'
import type { Exchange } from '../exchange.ts'
import { declaredBy, protocolVersionIn } from '../initialization.ts'
import { idOf, type RoutedMessage } from '../routed.ts'
import { endUse, inUse, withRoom } from '../session-cap.ts'
import { sessionNotFound, sessionTokenOf } from '../session-header.ts'
import { type SessionClaims, SessionTokenTooLargeError, type SessionTokens } from '../session-token.ts'
import { BridgedServers } from './bridged-servers.ts'
import { mergedRoute } from './merged-route.ts'
import type { MergedServer } from './merged-server.ts'

export interface MergedSessionsOptions {
  readonly server: MergedServer
  readonly sessions: LegacySessions
  readonly tokens: SessionTokens
  /** The bridge to the newer era, which is all that the merged server speaks. */
  readonly toModern: ToModern
}

/** Answers clients of the older era that talk to all servers at once, or to a toolset. */
export class MergedSessions {
  readonly #sessions: LegacySessions
  readonly #tokens: SessionTokens
  readonly #toModern: ToModern
  readonly #views: BridgedServers

  constructor({ server, sessions, tokens, toModern }: MergedSessionsOptions) {
    this.#sessions = sessions
    this.#tokens = tokens
    this.#toModern = toModern
    this.#views = new BridgedServers(server)
  }

  /**
   * Answers a posted message.
   *
   * @param scope what is talked to: everything, or a toolset.
   */
  async post(exchange: Exchange, scanned: ScannedMessage, scope: string): Promise<Answer> {
    const message: RoutedMessage = { exchange, scanned, route: mergedRoute(exchange.principal.tenantId) }
    if (scanned.kind === 'request' && scanned.method === 'initialize')
      return withRoom(this.#sessions.caps, message, (keep) => this.#initialize(message, scope, keep))
    const claims = await this.#open(exchange, idOf(scanned), scope)
    if ('kind' in claims) return claims
    if (scanned.kind === 'request' && scanned.method === 'ping')
      return jsonAnswer(encodeResult({ id: idOf(scanned) ?? '', result: {} }))
    return inUse(this.#sessions.caps, claims, () =>
      this.#toModern.post(message, this.#views.of(exchange, scope), claims),
    )
  }

  /** Answers GET, which listens to what is said unasked, and DELETE, which ends the session. */
  async withoutBody(exchange: Exchange, scope: string): Promise<Answer> {
    const claims = await this.#open(exchange, null, scope)
    if ('kind' in claims) return claims
    if (exchange.method === 'GET') {
      const route = mergedRoute(exchange.principal.tenantId)
      return inUse(this.#sessions.caps, claims, () =>
        this.#toModern.get({ exchange, route }, this.#views.of(exchange, scope), claims),
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
    for await (const turn of this.#toModern.initialize(message, this.#views.of(exchange, scope), client))
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
}
