import { checkModernHeaders, HEADER, type HeaderFault, scanMessage } from '@mreg/mcp-wire'
import {
  type EndpointRequest,
  type HeaderPair,
  isJsonObject,
  parseJsonObject,
  type UpstreamReply,
} from '@mreg/upstream'

import { type Answer, errorAnswer, jsonAnswer } from './answer.ts'
import type { ToLegacy } from './bridge/to-legacy/to-legacy.ts'
import { scannedTurn, subscriptionEndTurn } from './bridge/turns.ts'
import type { CapabilityGate } from './control/capability-gate.ts'
import type { Turn } from './converse.ts'
import type { Exchange } from './exchange.ts'
import { catalogExchange } from './merged/catalog-exchange.ts'
import { ParamHeaders } from './param-headers.ts'
import type { Relay } from './relay.ts'
import type { Attempts } from './replicas/attempts.ts'
import { idOf, type RoutedMessage } from './routed.ts'

/** The most pages of a list of tools that are read to find out what one wants repeated. */
const MAX_PAGES = 50

/** 2026-07-28 and newer: every message stands alone, and closing the answer cancels it. */
export class ModernEra {
  readonly #relay: Relay
  readonly #bridge: ToLegacy
  readonly #paramHeaders = new ParamHeaders()
  readonly #gate: CapabilityGate

  /**
   * @param bridge to servers that speak only the older era.
   * @param gate answers what servers are not to see.
   */
  constructor(relay: Relay, bridge: ToLegacy, gate: CapabilityGate) {
    this.#gate = gate
    this.#relay = relay
    this.#bridge = bridge
  }

  /** Relays one message. What a server refuses keeps its status: in this era it has a meaning. */
  async post(message: RoutedMessage): Promise<Answer> {
    const { exchange, scanned } = message
    const fault = checkModernHeaders(scanned, exchange.header)
    if (fault !== undefined) return refuse(message, fault)
    const own = await this.#gate.answer(message)
    if (own !== undefined) return jsonAnswer(own)
    const attempts = this.#relay.attempts(message, 'modern')
    const isOlder = (await this.#relay.eraFor(attempts.endpoint, 'modern', message)) === 'legacy'
    // One principal has one session with such a server, where that keeps its state.
    if (isOlder) attempts.keepTogether()
    const isBlind = isOlder || attempts.endpoint.stdio !== undefined
    if (isBlind && scanned.kind === 'request' && scanned.method === 'tools/call') {
      // A list that cannot be had says nothing against the call.
      const ask = (): Promise<void> => this.#listTools(message).catch(() => {})
      const paramFault = await this.#paramHeaders.check(exchange, scanned, attempts.endpoint, ask)
      if (paramFault !== undefined) return refuse(message, paramFault)
    }
    const observe =
      isBlind && scanned.method === 'tools/list'
        ? (turns: AsyncGenerator<Turn, void, undefined>) => this.#learning(turns, attempts)
        : undefined
    if (isOlder) return this.#bridge.post(message, attempts, observe)
    const headers = mirroredHeaders(exchange)
    const send = (examine?: EndpointRequest['examine']): Promise<UpstreamReply> =>
      attempts.endpoint.send({
        message: exchange.body,
        method: scanned.method,
        protocolVersion: exchange.header(HEADER.protocolVersion),
        headers,
        signal: exchange.signal,
        principalId: exchange.principal.id,
        timeoutMs: attempts.remainingMs,
        lease: attempts.begin(),
        examine,
      })
    if (scanned.kind !== 'request') return this.#relay.answerNotice(message, send)
    const again = (error: unknown): Promise<boolean> => attempts.another(error)
    const turns = this.#relay.converse(message, send, { era: 'modern', keepStatus: true, again })
    if (scanned.method === 'subscriptions/listen')
      return this.#relay.answerTurns(message, subscriptionTurns(turns, message))
    return this.#relay.answerTurns(message, observe === undefined ? turns : observe(turns))
  }

  /** Learns from a list of tools what they want repeated in headers. */
  async *#learning(
    turns: AsyncGenerator<Turn, void, undefined>,
    attempts: Attempts,
  ): AsyncGenerator<Turn, void, undefined> {
    for await (const turn of turns) {
      if (turn.final)
        this.#paramHeaders.learn(attempts.endpoint, turn.message, scannedTurn(turn, this.#relay.maxJsonDepth))
      yield turn
    }
  }

  /** Has the server list its tools, which are learned on the way. */
  async #listTools({ exchange: { principal, signal, slug }, route }: RoutedMessage): Promise<void> {
    let cursor: unknown
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const params = cursor === undefined ? {} : { cursor }
      const exchange = catalogExchange(
        { slug, principal, signal },
        { method: 'tools/list', params, accept: 'application/json' },
      )
      const answer = await this.post({ exchange, route, scanned: scanMessage(exchange.body) })
      const result = answer.kind === 'complete' ? parseJsonObject(answer.body)?.['result'] : undefined
      const next = isJsonObject(result) ? result['nextCursor'] : undefined
      if (typeof next !== 'string' || next === cursor) return
      cursor = next
    }
  }
}

/** What comes of a subscription. One that the gateway ends has the result that it would have if its server did. */
async function* subscriptionTurns(
  turns: AsyncIterable<Turn>,
  { exchange, scanned }: RoutedMessage,
): AsyncGenerator<Turn, void, undefined> {
  for await (const turn of turns) {
    const isEnded = turn.final && exchange.signal.aborted
    yield isEnded ? subscriptionEndTurn(idOf(scanned) ?? '') : turn
  }
}

const refuse = ({ scanned }: RoutedMessage, { status, ...error }: HeaderFault): Answer =>
  errorAnswer(status, { id: idOf(scanned), ...error })

/** The headers that say again what the body says; they were checked against it. */
const mirroredHeaders = (exchange: Exchange): HeaderPair[] =>
  exchange.headerNames.flatMap((name) => {
    const mirrors = name === HEADER.method || name === HEADER.name || name.startsWith(HEADER.paramPrefix)
    const value = mirrors ? exchange.header(name) : undefined
    return value === undefined ? [] : [[name, value] as const]
  })
