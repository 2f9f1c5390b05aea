import { checkModernHeaders, HEADER } from '@mreg/mcp-wire'
import type { HeaderPair } from '@mreg/upstream'

import { type Answer, errorAnswer } from './answer.ts'
import type { ToLegacy } from './bridge/to-legacy/to-legacy.ts'
import type { Exchange } from './exchange.ts'
import type { Relay, Send } from './relay.ts'
import { idOf, type RoutedMessage } from './routed.ts'

/** 2026-07-28 and newer: every message stands alone, and closing the answer cancels it. */
export class ModernEra {
  readonly #relay: Relay
  readonly #bridge: ToLegacy

  /** @param bridge to servers that speak only the older era. */
  constructor(relay: Relay, bridge: ToLegacy) {
    this.#relay = relay
    this.#bridge = bridge
  }

  /** Relays one message. What a server refuses keeps its status: in this era it has a meaning. */
  async post(message: RoutedMessage): Promise<Answer> {
    const { exchange, scanned, route } = message
    const fault = checkModernHeaders(scanned, exchange.header)
    if (fault !== undefined) {
      const { status, ...error } = fault
      return errorAnswer(status, { id: idOf(scanned), ...error })
    }
    const endpoint = this.#relay.endpoint(route)
    if ((await this.#relay.eraFor(endpoint, 'modern', message)) === 'legacy')
      return this.#bridge.post(message, endpoint)
    const send: Send = async () =>
      endpoint.send({
        message: exchange.body,
        method: scanned.method,
        protocolVersion: exchange.header(HEADER.protocolVersion),
        headers: mirroredHeaders(exchange),
        signal: exchange.signal,
        principalId: exchange.principal.id,
        timeoutMs: this.#relay.deadlineMs(message),
      })
    return scanned.kind === 'request'
      ? this.#relay.answerRequest(message, send, { keepStatus: true })
      : this.#relay.answerNotice(message, send)
  }
}

/** The headers that say again what the body says; they were checked against it. */
const mirroredHeaders = (exchange: Exchange): HeaderPair[] =>
  exchange.headerNames.flatMap((name) => {
    const mirrors = name === HEADER.method || name === HEADER.name || name.startsWith(HEADER.paramPrefix)
    const value = mirrors ? exchange.header(name) : undefined
    return value === undefined ? [] : [[name, value] as const]
  })
