import { createHash } from 'node:crypto'

import { LEGACY_VERSIONS, readValue } from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject, type UpstreamEndpoint } from '@mreg/upstream'

import type { Relay } from '../../relay.ts'
import type { RoutedMessage } from '../../routed.ts'
import { legacyCapabilities } from './legacy-request.ts'
import { ServerSession } from './server-session.ts'

interface Held {
  readonly session: ServerSession
  usedAt: number
}

/** The sessions with servers of the older era that are held for clients of the newer: one for those who are alike. */
export class ServerSessions {
  readonly #relay: Relay
  readonly #limits: { readonly maxSessions: number; readonly sessionIdleMs: number }
  readonly #held = new Map<string, Held>()

  constructor(relay: Relay, limits: { readonly maxSessions: number; readonly sessionIdleMs: number }) {
    this.#relay = relay
    this.#limits = limits
  }

  /** The session in which a client's requests go to `endpoint`: one for the requests of a principal with the same abilities. */
  of(message: RoutedMessage, endpoint: UpstreamEndpoint): ServerSession {
    const { body, principal } = message.exchange
    const span = message.scanned.meta?.clientCapabilitiesSpan
    const hash = createHash('sha256').update(
      JSON.stringify([endpoint.target.endpoint.id, principal.tenantId, principal.id]),
    )
    if (span !== undefined) hash.update(body.subarray(span.start, span.end))
    const key = hash.digest('base64url')
    const now = performance.now()
    const known = this.#held.get(key)
    // In order of use, oldest first.
    this.#held.delete(key)
    const isCurrent = known?.session.endpoint === endpoint
    // Calls under way end by themselves; whoever listens comes anew.
    if (!isCurrent) known?.session.voice.end()
    const held = isCurrent ? known : { session: this.#begin(key, message, endpoint), usedAt: now }
    held.usedAt = now
    this.#held.set(key, held)
    this.#endIdle(now)
    return held.session
  }

  #begin(key: string, message: RoutedMessage, endpoint: UpstreamEndpoint): ServerSession {
    const { exchange } = message
    return new ServerSession({
      endpoint,
      timeoutMs: this.#relay.timeouts.requestMs,
      maxDepth: this.#relay.maxJsonDepth,
      onFailure: (error) => this.#relay.logFailure(exchange, error),
      seed: {
        id: `bridge-${key}`,
        principalId: exchange.principal.id,
        protocolVersion: LEGACY_VERSIONS[0] ?? '',
        clientCapabilities: legacyCapabilities(capabilitiesIn(message)),
        clientInfo: clientInfoIn(message),
        opened: undefined,
      },
    })
  }

  #endIdle(now: number): void {
    const { maxSessions, sessionIdleMs } = this.#limits
    for (const [key, { session, usedAt }] of this.#held) {
      if (now - usedAt <= sessionIdleMs && this.#held.size <= maxSessions) return
      if (session.voice.isUsed) continue
      this.#held.delete(key)
      void session.end()
    }
  }
}

/** What a client of the newer era says that it is able to do. */
export const capabilitiesIn = ({ exchange, scanned }: RoutedMessage): JsonObject => {
  const span = scanned.meta?.clientCapabilitiesSpan
  const value = span && readValue(exchange.body, span)
  return isJsonObject(value) ? value : {}
}

const clientInfoIn = ({ exchange, scanned }: RoutedMessage): JsonObject => {
  const span = scanned.meta?.clientInfoSpan
  const value = span && readValue(exchange.body, span)
  return isJsonObject(value) ? value : { name: 'mreg', version: '0.0.0' }
}
