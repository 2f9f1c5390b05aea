import { randomUUID } from 'node:crypto'

import {
  encodeError,
  encodeResult,
  ERROR_CODE,
  findMember,
  type JsonRpcId,
  MODERN_VERSIONS,
  readValue,
  scanMessage,
  type ScannedMessage,
  spliceMessage,
} from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import { eventsOf } from '../../answer-turns.ts'
import { type Answer, emptyAnswer, errorAnswer, streamAnswer } from '../../answer.ts'
import type { Turn } from '../../converse.ts'
import { gatewayError } from '../../gateway-error.ts'
import type { ProcessLine } from '../../processes/process-line.ts'
import type { Relay } from '../../relay.ts'
import type { Attempts } from '../../replicas/attempts.ts'
import { idOf, type RoutedMessage } from '../../routed.ts'
import type { TokenSealer } from '../../session-token.ts'
import type { BridgeLimits } from '../limits.ts'
import { LEVELS } from '../log-levels.ts'
import { finalTurn, messageTurn } from '../turns.ts'
import { CallsElsewhere, type ForwardedRequest } from './calls-elsewhere.ts'
import { discoverResult } from './legacy-request.ts'
import { modernResponse } from './modern-result.ts'
import { ParkedCalls, type ParkedCall, type ServerQuestion } from './parked-calls.ts'
import { parkedRefusal } from './parked-refusals.ts'
import { inputRequired, questionOf, urlQuestions } from './questions.ts'
import { type CallEvent, ServerCall } from './server-call.ts'
import type { ServerSession } from './server-session.ts'
import { capabilitiesIn, ServerSessions } from './server-sessions.ts'
import { subscription } from './subscription.ts'

/** What the newer era has given up, and what has another meaning in it. */
const NOT_BRIDGED = /^(initialize|ping|logging\/setLevel|resources\/(un)?subscribe|tasks\/.*)$/u

/** The most questions that a client is asked at once. */
const MAX_QUESTIONS = 32

/** Lets clients of the newer era talk to servers of the older one. */
export class ToLegacy {
  readonly #relay: Relay
  readonly #sessions: ServerSessions
  readonly #parked: ParkedCalls
  readonly #gatherMs: number
  readonly #elsewhere: CallsElsewhere | undefined

  /** @param line to the other processes of the gateway; undefined: there are none. */
  constructor(relay: Relay, limits: BridgeLimits, sealer: TokenSealer, line?: ProcessLine) {
    this.#relay = relay
    this.#sessions = new ServerSessions(relay, limits)
    this.#parked = new ParkedCalls({ sealer, process: line?.id ?? randomUUID(), ...limits })
    this.#gatherMs = limits.gatherMs
    const { heartbeatMs } = relay.timeouts
    this.#elsewhere =
      line && new CallsElsewhere({ line, heartbeatMs, goOn: (call, request) => this.#goOnFor(call, request) })
  }

  /**
   * Takes one message, whose headers have been checked.
   *
   * @param observe sees what the client gets on the way; undefined: nobody does.
   */
  async post(
    message: RoutedMessage,
    attempts: Attempts,
    observe?: (turns: AsyncGenerator<Turn, void, undefined>) => AsyncGenerator<Turn, void, undefined>,
  ): Promise<Answer> {
    const { method = '', kind } = message.scanned
    if (kind !== 'request') return emptyAnswer(202)
    if (NOT_BRIDGED.test(method))
      return errorAnswer(404, {
        id: idOf(message.scanned),
        code: ERROR_CODE.methodNotFound,
        message: 'Method not found',
      })
    this.#relay.bridged(message)
    if (method === 'subscriptions/listen') {
      const turns = subscription(message, this.#sessions.of(message, attempts.endpoint))
      return streamAnswer(eventsOf(this.#guarded(message, turns), this.#relay.timeouts.heartbeatMs))
    }
    const turns = this.#guarded(message, this.#turns(message, attempts))
    return this.#relay.answerTurns(message, observe === undefined ? turns : observe(turns))
  }

  /** Whatever goes wrong becomes an answer. */
  async *#guarded(
    { exchange, scanned }: RoutedMessage,
    turns: AsyncGenerator<Turn, void, undefined>,
  ): AsyncGenerator<Turn, void, undefined> {
    try {
      yield* turns
    } catch (error) {
      this.#relay.logFailure(exchange, error)
      const failure = gatewayError(error, exchange.slug, exchange.requestId)
      yield { ...finalTurn(encodeError({ id: idOf(scanned), ...failure })), failure: error }
    }
  }

  async *#turns(message: RoutedMessage, attempts: Attempts): AsyncGenerator<Turn, void, undefined> {
    const { exchange, scanned } = message
    if (scanned.method === 'server/discover') {
      const result = discoverResult(await this.#initialized(message, attempts), MODERN_VERSIONS)
      yield finalTurn(encodeResult({ id: idOf(scanned) ?? '', result }))
      return
    }
    const requestState = memberOf(exchange.body, scanned, 'requestState')
    if (requestState !== undefined) {
      yield* this.#resume(message, requestState)
      return
    }
    const sessionOf = (): ServerSession => this.#sessions.of(message, attempts.endpoint)
    const call = new ServerCall(message, { attempts, sessionOf }, this.#relay, capabilitiesIn(message))
    await call.join()
    if (exchange.signal.aborted) {
      // Nothing was sent yet.
      call.session.voice.leave(call)
      const text = 'The request was cancelled.'
      yield finalTurn(encodeError({ id: idOf(scanned), code: ERROR_CODE.internal, message: text }))
      return
    }
    yield* this.#attend(message, call)
  }

  /** What the server said to `initialize`, at whichever endpoint says it first. */
  async #initialized(message: RoutedMessage, attempts: Attempts): Promise<JsonObject> {
    for (;;) {
      try {
        return await this.#sessions.of(message, attempts.endpoint).initialized()
      } catch (error) {
        if (!(await attempts.another(error))) throw error
      }
    }
  }

  /** Goes on with a call that waits for what the client brings. */
  async *#resume(message: RoutedMessage, requestState: unknown): AsyncGenerator<Turn, void, undefined> {
    const { exchange, scanned } = message
    const found = this.#parked.find(message, requestState)
    if (found === 'invalid' || found === 'gone') {
      yield parkedRefusal(message, found)
      return
    }
    if ('process' in found) {
      const outcome = this.#elsewhere === undefined ? 'gone' : yield* this.#elsewhere.ask(message, found)
      if (outcome !== 'answered') yield parkedRefusal(message, outcome)
      return
    }
    const parked = found
    const id = idOf(scanned)
    const { call, questions } = parked
    const responses = memberOf(exchange.body, scanned, 'inputResponses')
    const answers = questions.map(({ key }) => (isJsonObject(responses) ? responses[key] : undefined))
    const given = answers.filter((answer) => isJsonObject(answer))
    if (given.length < questions.length || !this.#parked.release(parked)) {
      yield finalTurn(asked(parked, id))
      return
    }
    for (const [index, result] of given.entries()) {
      const question = questions[index]
      if (question !== undefined) await call.session.respond(question.id, { result })
    }
    yield* this.#attend(message, call)
  }

  /** Goes on with a call whose client has come to another process. undefined: it is not here. */
  #goOnFor(
    call: string,
    { body, requestId, signal }: ForwardedRequest,
  ): AsyncGenerator<Turn, void, undefined> | undefined {
    const parkedIn = this.#parked.messageOf(call)
    if (parkedIn === undefined) return undefined
    // Of the same principal to the same server: the other process has made sure of it.
    const exchange = { ...parkedIn.exchange, active: undefined, body, requestId, signal }
    const scanned = scanMessage(body, { maxDepth: this.#relay.maxJsonDepth })
    const message = { exchange, route: parkedIn.route, scanned }
    return this.#guarded(message, this.#resume(message, memberOf(body, scanned, 'requestState')))
  }

  /** Passes on what the server says to a call, until its response or its questions. */
  async *#attend(message: RoutedMessage, call: ServerCall): AsyncGenerator<Turn, void, undefined> {
    const { signal } = message.exchange
    const onGone = (): void => call.cancel('the client has gone')
    if (signal.aborted) onGone()
    else signal.addEventListener('abort', onGone)
    let isOver = false
    const end = (turn: Turn): Turn => {
      isOver = true
      signal.removeEventListener('abort', onGone)
      return turn
    }
    try {
      const questions: ServerQuestion[] = []
      for (;;) {
        const event = await (questions.length === 0 ? call.next() : call.nextWithin(this.#gatherMs))
        if (event?.kind === 'response') {
          yield end(this.#response(message, call, event))
          return
        }
        if (event?.kind === 'request') {
          const question = await this.#questionIn(call, event, questions.length)
          if (question !== undefined) questions.push(question)
        }
        if (event?.kind === 'notification') {
          const heard = this.#heard(message, call, event)
          if (heard !== undefined) yield messageTurn(heard)
        }
        const isAll = questions.length > 0 && (event === undefined || questions.length >= MAX_QUESTIONS)
        if (!isAll) continue
        const parked = this.#parked.park(message, call, questions)
        if (parked !== undefined) {
          yield end(finalTurn(asked(parked, idOf(message.scanned))))
          return
        }
        for (const { id } of questions.splice(0))
          await call.refuse(id, 'Too many calls of this client wait for an answer.')
      }
    } finally {
      if (!isOver) onGone()
    }
  }

  #response({ scanned }: RoutedMessage, call: ServerCall, event: CallEvent): Turn {
    const id = idOf(scanned) ?? ''
    const options = { id, request: scanned, serverInfo: call.session.serverInfo }
    if (event.scanned.errorCode === ERROR_CODE.urlElicitationRequired) {
      const asking = call.isOfferedBy('elicitation/create') ? urlQuestions(event) : undefined
      if (asking !== undefined) return finalTurn(encodeResult({ id, result: asking }))
    }
    const { message, status } = modernResponse(event.message, event.scanned, options)
    return { ...finalTurn(message, status), failure: event.failure, isError: event.scanned.isError }
  }

  /** What the client is to be asked for a request of its server. When it cannot be, the server is told. */
  async #questionIn(
    call: ServerCall,
    { message: bytes, scanned }: CallEvent,
    earlier: number,
  ): Promise<ServerQuestion | undefined> {
    const { id, method = '' } = scanned
    if (id === undefined || id === null) return undefined
    if (call.takes(method)) return questionOf(bytes, scanned, id, earlier)
    if (method === 'ping') await call.session.respond(id, { result: {} })
    else await call.refuse(id, 'The client does not offer this.', ERROR_CODE.methodNotFound)
    return undefined
  }

  /** What the client hears of a notification; undefined: nothing. */
  #heard(message: RoutedMessage, call: ServerCall, event: CallEvent): Uint8Array | undefined {
    const { meta } = message.scanned
    const { method, progressTokenSpan } = event.scanned
    if (method === 'notifications/progress') {
      const token = meta?.progressToken
      if (token === undefined || progressTokenSpan === undefined) return undefined
      return spliceMessage(event.message, [{ span: progressTokenSpan, replacement: JSON.stringify(token) }])
    }
    if (method === 'notifications/message') {
      const wanted = meta?.logLevel === undefined ? -1 : LEVELS.indexOf(meta.logLevel)
      const level = memberOf(event.message, event.scanned, 'level')
      const isWanted = wanted !== -1 && typeof level === 'string' && LEVELS.indexOf(level) >= wanted
      return isWanted ? event.message : undefined
    }
    call.session.voice.announce(event.message, event.scanned)
    return undefined
  }
}

const asked = ({ questions, requestState }: ParkedCall, id: JsonRpcId | null): Uint8Array => {
  const requests = Object.fromEntries(questions.map(({ key, request }) => [key, request]))
  return encodeResult({ id: id ?? '', result: inputRequired(requests, requestState) })
}

const memberOf = (bytes: Uint8Array, { paramsSpan }: ScannedMessage, key: string): unknown => {
  const span = paramsSpan && findMember(bytes, paramsSpan, key)
  return span && readValue(bytes, span)
}
