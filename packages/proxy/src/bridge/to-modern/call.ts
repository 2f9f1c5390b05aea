import { randomUUID } from 'node:crypto'

import {
  encodeError,
  encodeResult,
  ERROR_CODE,
  type JsonRpcId,
  MODERN_VERSIONS,
  type ScannedMessage,
} from '@mreg/mcp-wire'
import type { JsonObject } from '@mreg/upstream'

import { cancelledTurn } from '../../active/cancelled-turn.ts'
import type { Send, Turn } from '../../converse.ts'
import { freshnessIn } from '../../fallback/freshness.ts'
import type { Relay } from '../../relay.ts'
import type { Attempts } from '../../replicas/attempts.ts'
import { idOf, type RoutedMessage } from '../../routed.ts'
import type { BridgeLimits } from '../limits.ts'
import { finalTurn, messageTurn, scannedTurn } from '../turns.ts'
import { modernCapabilities } from './capabilities.ts'
import type { ClientSession } from './client-session.ts'
import { clientRequest, inputOf, type InputRound, readInputRound } from './input-round.ts'
import { legacyResponse } from './legacy-result.ts'
import { mirrorHeaders, type ModernEnvelope, type ModernInput, modernRequest } from './modern-request.ts'
import type { ModernServer } from './modern-server.ts'
import type { ToolShapes } from './tool-shapes.ts'

export interface CallOptions {
  readonly relay: Relay
  readonly limits: BridgeLimits
  readonly message: RoutedMessage
  readonly endpoint: ModernServer
  /** Where it goes, where the server has endpoints. Default: to `endpoint`. */
  readonly attempts?: Attempts | undefined
  readonly session: ClientSession
  readonly shapes: ToolShapes
  readonly clientCapabilities: JsonObject
  readonly clientInfo: JsonObject
  /** Whether the client's answer is a stream, so that it can be asked. */
  readonly canAsk: boolean
  /** Gets the tools of the server anew. */
  readonly refreshShapes: () => Promise<void>
}

/** What the server says of that is left out of the answer for its client. */
const freshnessOf = (message: Uint8Array, { resultSpan }: ScannedMessage): Turn['freshness'] =>
  resultSpan === undefined || message[resultSpan.start] !== OPENING_BRACE
    ? undefined
    : freshnessIn(message, resultSpan)

const OPENING_BRACE = 0x7b

/** One request of a client of the older era to a server of the newer, with all that the server asks on the way. */
export class BridgedCall {
  readonly #options: CallOptions
  readonly #cancelled = new AbortController()
  readonly #envelope: ModernEnvelope

  constructor(options: CallOptions) {
    const { canAsk, clientCapabilities, clientInfo, session } = options
    this.#options = options
    const capabilities = modernCapabilities(clientCapabilities, canAsk)
    this.#envelope = { capabilities, clientInfo, logLevel: session.logLevel }
  }

  /** What the client gets. One that has cancelled gets nothing more. */
  async *turns(): AsyncGenerator<Turn, void, undefined> {
    const { canAsk, message, session } = this.#options
    const id = idOf(message.scanned) ?? ''
    const call = { cancel: () => this.#cancelled.abort() }
    session.calls.set(id, call)
    const { active } = message.exchange
    if (active !== undefined) active.tellServer = async () => this.#cancelled.abort()
    try {
      for await (const turn of this.#rounds(id)) {
        if (this.#cancelled.signal.aborted) break
        yield turn
      }
      // Somebody who waits for a whole answer has to get one.
      if (active?.cancelReason !== undefined) yield cancelledTurn(message, active.cancelReason)
      else if (this.#cancelled.signal.aborted && !canAsk)
        yield this.#refusal(id, 'The request was cancelled.')
    } finally {
      if (session.calls.get(id) === call) session.calls.delete(id)
    }
  }

  async *#rounds(id: JsonRpcId): AsyncGenerator<Turn, void, undefined> {
    const { limits, message, refreshShapes, shapes } = this.#options
    let input: ModernInput | undefined
    let isRefreshed = false
    for (let round = 0; round <= limits.maxInputRounds;) {
      const outcome = yield* this.#send(input, round === 0 ? id : `mreg-${randomUUID()}`)
      if (outcome === undefined) return
      const { scanned, turn } = outcome
      if (
        scanned.errorCode === ERROR_CODE.headerMismatch &&
        !isRefreshed &&
        message.scanned.method === 'tools/call'
      ) {
        // Nothing was executed: the server misses headers that only its list of tools tells of.
        isRefreshed = true
        await refreshShapes()
        continue
      }
      if (scanned.resultType !== 'input_required') {
        const response = legacyResponse(turn.message, scanned, { id, request: message.scanned, shapes })
        const { method } = message.scanned
        const { failure } = turn
        const freshness = method === 'tools/call' ? undefined : freshnessOf(turn.message, scanned)
        yield { ...finalTurn(response), failure, freshness, isError: scanned.isError }
        return
      }
      const asked = readInputRound(turn.message, scanned)
      input = asked && (yield* this.#ask(asked))
      if (input === undefined) {
        yield this.#refusal(id, 'The server asks for input that the client did not give.')
        return
      }
      round += 1
    }
    yield this.#refusal(id, `The server asked for input more than ${limits.maxInputRounds} times.`)
  }

  /** Sends the request, and passes on what comes before its response. */
  async *#send(
    input: ModernInput | undefined,
    id: JsonRpcId,
  ): AsyncGenerator<Turn, { readonly scanned: ScannedMessage; readonly turn: Turn } | undefined, undefined> {
    const { attempts, endpoint, message, relay, shapes } = this.#options
    const { exchange, scanned } = message
    // What the client took to answer is not the server's time.
    if (input !== undefined) attempts?.renew()
    const send: Send = (examine) =>
      (attempts?.endpoint ?? endpoint).send({
        message: modernRequest(exchange.body, scanned, this.#envelope, {
          id: typeof id === 'string' && id !== scanned.id ? id : undefined,
          input,
        }),
        method: scanned.method,
        protocolVersion: MODERN_VERSIONS[0],
        headers: mirrorHeaders(scanned, shapes.headersFor(exchange.body, scanned)),
        signal: this.#cancelled.signal,
        principalId: exchange.principal.id,
        timeoutMs: attempts?.remainingMs ?? relay.deadlineMs(message),
        lease: attempts?.begin(),
        examine,
      })
    const again = attempts && ((error: unknown) => attempts.another(error))
    for await (const turn of relay.converse(message, send, { era: 'modern', keepStatus: false, id, again })) {
      const turned = scannedTurn(turn, relay.maxJsonDepth)
      if (turn.final) return { scanned: turned, turn }
      if (turned.kind === 'notification') yield turn
    }
    return undefined
  }

  /** Asks the client all that the server wants to know, at once. Gives what is to be said to the server. */
  async *#ask(round: InputRound): AsyncGenerator<Turn, ModernInput | undefined, undefined> {
    const { canAsk, limits, session } = this.#options
    if (!canAsk && round.requests.length > 0) return undefined
    const answers = []
    for (const request of round.requests) {
      const { id, answer } = session.ask(limits.inputMs, this.#cancelled.signal)
      answers.push(answer)
      yield messageTurn(clientRequest(request, id))
    }
    return inputOf(round, await Promise.all(answers))
  }

  #refusal(id: JsonRpcId, text: string): Turn {
    const { exchange, scanned } = this.#options.message
    if (scanned.method === 'tools/call')
      return finalTurn(encodeResult({ id, result: { isError: true, content: [{ type: 'text', text }] } }))
    const data = { reason: 'input_missing', server: exchange.slug, requestId: exchange.requestId }
    return finalTurn(encodeError({ id, code: ERROR_CODE.internal, message: text, data }))
  }
}
