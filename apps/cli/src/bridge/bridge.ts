import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

import {
  encodeError,
  ERROR_CODE,
  HEADER,
  type JsonRpcId,
  scanMessage,
  type ScannedMessage,
  SseDecoder,
  WireError,
} from '@mreg/mcp-wire'

import { CommandFailure } from '../command-failure.ts'
import { isJsonObject } from '../json-object.ts'
import { backoffMs } from './backoff.ts'
import { BridgeSession } from './bridge-session.ts'
import { ExchangeError, type ExchangeResponse, readBody } from './gateway-exchange.ts'
import type { GatewaySender } from './gateway-sender.ts'
import { asLine, LineTooLongError, readLines } from './message-lines.ts'

export interface BridgeOptions {
  readonly sender: GatewaySender
  readonly output: Writable
  readonly say: (text: string) => void
  /** Ends everything at once. */
  readonly signal: AbortSignal
}

interface Message {
  readonly bytes: Buffer
  readonly scanned: ScannedMessage
}

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024
/** The gateway gives a sign of life every 15 s while an answer is on its way. */
const IDLE_MS = 120_000
/** After the client has said its last, for answers that are still on their way. */
const DRAIN_MS = 30_000
/** A client ends a process that outlives its input by some two seconds. */
const END_SESSION_MS = 1500
/** Sent again in answers to a lost session or connection. */
const MAX_REPEATS = 3
const ACCEPT = 'application/json, text/event-stream'

/**
 * Carries the messages of a client that speaks MCP over standard input and output to the gateway and back, untouched,
 * in both protocol eras. A gateway that restarts is waited for; a session that is lost is opened again behind the
 * client's back; a `tools/call` is never sent twice.
 */
export class Bridge {
  readonly #options: BridgeOptions
  readonly #session = new BridgeSession()
  readonly #pending = new Map<JsonRpcId, AbortController>()
  readonly #answers = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  #reopening: Promise<void> | undefined
  #listening = false

  constructor(options: BridgeOptions) {
    this.#options = options
  }

  /** Carries messages until the input ends, and answers what is still on its way. */
  async run(input: AsyncIterable<Uint8Array>): Promise<void> {
    const { signal } = this.#options
    try {
      for await (const line of readLines(input, MAX_MESSAGE_BYTES)) {
        if (signal.aborted) return
        await this.#take(line)
      }
      await Promise.race([
        Promise.allSettled(this.#answers),
        delay(DRAIN_MS, undefined, { signal, ref: false }).catch(() => {}),
        once(signal, 'abort'),
      ])
    } finally {
      this.#closing.abort()
      for (const pending of this.#pending.values()) pending.abort()
      await this.#endSession()
    }
  }

  async #take(line: Buffer | LineTooLongError): Promise<void> {
    const message = read(line)
    if ('fault' in message) {
      await this.#write(encodeError({ id: null, code: ERROR_CODE.parse, message: message.fault }))
      return
    }
    const { scanned } = message
    if (scanned.kind !== 'request') return this.#notify(message)
    if (scanned.method === 'initialize') {
      this.#session.initialize = message.bytes
      // Whatever follows needs the session.
      return this.#answer(message)
    }
    const answer = this.#answer(message).finally(() => this.#answers.delete(answer))
    this.#answers.add(answer)
  }

  /** Sends a request and writes its answer, or an error in its place. */
  async #answer(message: Message): Promise<void> {
    const id = message.scanned.id ?? null
    const cancelled = new AbortController()
    if (id !== null) this.#pending.set(id, cancelled)
    try {
      await this.#exchange(message, cancelled.signal)
    } catch (error) {
      if (cancelled.signal.aborted) return
      const { reason, text } = lostWords(error)
      this.#options.say(text)
      await this.#write(encodeError({ id, code: ERROR_CODE.internal, message: text, data: { reason } }))
    } finally {
      if (id !== null && this.#pending.get(id) === cancelled) this.#pending.delete(id)
    }
  }

  async #exchange(message: Message, cancelled: AbortSignal): Promise<void> {
    const repeatable = message.scanned.method !== 'tools/call'
    for (let repeats = 0; ; repeats += 1) {
      const session = this.#session.id
      const response = await this.#post(message, repeatable, cancelled)
      if (await this.#isSessionLost(response, session)) {
        if (repeats >= MAX_REPEATS)
          throw new CommandFailure('session_lost', 'the session was lost again and again')
        await this.#reopen(session)
        continue
      }
      try {
        await this.#relay(message, response)
        return
      } catch (error) {
        if (!ExchangeError.is(error) || !repeatable || repeats >= MAX_REPEATS || cancelled.aborted)
          throw error
      }
    }
  }

  #post(
    { bytes, scanned }: Message,
    repeatable: boolean,
    cancelled?: AbortSignal,
  ): Promise<ExchangeResponse> {
    const signals = [
      this.#closing.signal,
      this.#options.signal,
      ...(cancelled === undefined ? [] : [cancelled]),
    ]
    return this.#options.sender.send({
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: ACCEPT, ...this.#session.headersFor(scanned) },
      body: bytes,
      signal: AbortSignal.any(signals),
      idleMs: IDLE_MS,
      repeatable,
    })
  }

  /** Writes what the gateway answers to a request. */
  async #relay({ scanned }: Message, response: ExchangeResponse): Promise<void> {
    const id = scanned.id ?? null
    if (response.headers['content-type']?.startsWith('text/event-stream') === true) {
      for await (const event of messagesOf(response)) {
        const isAnswer = isResponseTo(event, id)
        if (isAnswer && scanned.method === 'initialize') this.#open(response, event)
        await this.#write(event)
        if (isAnswer) return
      }
      throw new ExchangeError(true, 'the gateway ended its answer early')
    }
    const body = await readBody(response, MAX_MESSAGE_BYTES)
    if (!isResponseTo(body, id)) {
      await this.#write(encodeError({ id, ...errorIn(body, response.status) }))
      return
    }
    if (scanned.method === 'initialize') this.#open(response, body)
    await this.#write(body)
  }

  /** Sends what has no answer: a notification, or the client's answer to the server. */
  async #notify(message: Message): Promise<void> {
    const { scanned } = message
    const cancelled = scanned.method === 'notifications/cancelled' ? scanned.requestId : undefined
    if (cancelled !== undefined && this.#session.initialize === undefined) {
      // In the newer era a request is cancelled by closing its answer (MCP 2026-07-28, cancellation).
      this.#pending.get(cancelled)?.abort()
      return
    }
    try {
      const session = this.#session.id
      let response = await this.#post(message, true)
      if (await this.#isSessionLost(response, session)) {
        await this.#reopen(session)
        response = await this.#post(message, true)
      }
      const body = await readBody(response, MAX_MESSAGE_BYTES)
      if (response.status >= 400) this.#options.say(errorIn(body, response.status).message)
    } catch (error) {
      this.#options.say(lostWords(error).text)
    }
    if (scanned.method === 'notifications/initialized') {
      this.#session.initialized = message.bytes
      this.#listen()
    }
  }

  #open(response: ExchangeResponse, answer: Uint8Array): void {
    const id = response.headers[HEADER.sessionId]
    this.#session.open(typeof id === 'string' ? id : undefined, answer)
  }

  /** Whether the gateway does not know our session any more: then it has not passed the message on. */
  async #isSessionLost(response: ExchangeResponse, session: string | undefined): Promise<boolean> {
    if (response.status !== 404 || session === undefined) return false
    const body = await readBody(response, MAX_MESSAGE_BYTES)
    const { code, message } = errorIn(body, response.status)
    if (code === ERROR_CODE.sessionNotFound) return true
    throw new CommandFailure('gateway_refused', message)
  }

  /** Opens the session again, as the client did at first. Once for all who have lost the same. */
  async #reopen(lost: string | undefined): Promise<void> {
    if (this.#session.id !== lost) return
    this.#reopening ??= this.#initializeAgain().finally(() => (this.#reopening = undefined))
    await this.#reopening
  }

  async #initializeAgain(): Promise<void> {
    const { initialize, initialized } = this.#session
    if (initialize === undefined) throw new CommandFailure('session_lost', 'the session has ended')
    this.#options.say('the session was lost; opening another')
    const message = { bytes: initialize, scanned: scanMessage(initialize) }
    const response = await this.#post(message, true)
    const id = message.scanned.id ?? null
    let answer: Uint8Array | undefined
    if (response.headers['content-type']?.startsWith('text/event-stream') === true) {
      for await (const event of messagesOf(response)) {
        if (!isResponseTo(event, id)) continue
        answer = event
        break
      }
    } else answer = await readBody(response, MAX_MESSAGE_BYTES)
    if (answer === undefined || !isResponseTo(answer, id) || scanMessage(answer, LENIENT).isError)
      throw new CommandFailure('session_lost', 'the session was lost, and no other could be opened')
    this.#open(response, answer)
    if (initialized === undefined) return
    const confirmed = await this.#post({ bytes: initialized, scanned: scanMessage(initialized) }, true)
    await readBody(confirmed, MAX_MESSAGE_BYTES)
  }

  /** Keeps the stream open on which the server speaks unasked. */
  #listen(): void {
    if (this.#listening || this.#session.id === undefined) return
    this.#listening = true
    void this.#listenLoop().catch((error: unknown) => {
      if (!this.#closing.signal.aborted && !this.#options.signal.aborted)
        this.#options.say(lostWords(error).text)
    })
  }

  async #listenLoop(): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, this.#options.signal])
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const session = this.#session.id
      const response = await this.#options.sender.send({
        method: 'GET',
        headers: { accept: 'text/event-stream', ...this.#session.headersFor(undefined) },
        signal,
        repeatable: true,
      })
      if (response.status === 200) {
        attempt = 0
        // Broken off: the next round opens it again.
        await this.#relayAll(response).catch((error: unknown) => {
          if (!ExchangeError.is(error)) throw error
        })
      } else if (await this.#isSessionLost(response, session)) await this.#reopen(session)
      // The server has no such stream.
      else if (response.status !== 503) return
      await delay(backoffMs(attempt), undefined, { signal })
    }
  }

  async #relayAll(response: ExchangeResponse): Promise<void> {
    for await (const event of messagesOf(response)) await this.#write(event)
  }

  async #write(message: Uint8Array): Promise<void> {
    const { output, signal } = this.#options
    if (output.destroyed || output.write(asLine(message))) return
    await once(output, 'drain', { signal }).catch(() => {})
  }

  async #endSession(): Promise<void> {
    if (this.#session.id === undefined) return
    const headers = this.#session.headersFor(undefined)
    this.#session.close()
    await this.#options.sender
      .send({ method: 'DELETE', headers, signal: AbortSignal.timeout(END_SESSION_MS), repeatable: false })
      .then((response) => readBody(response, MAX_MESSAGE_BYTES))
      .catch(() => {})
  }
}

const LENIENT = { duplicateKeys: 'envelope', maxDepth: 1024 } as const

const read = (line: Buffer | LineTooLongError): Message | { readonly fault: string } => {
  if (line instanceof LineTooLongError) return { fault: line.message }
  try {
    return { bytes: line, scanned: scanMessage(line, LENIENT) }
  } catch (error) {
    if (error instanceof WireError) return { fault: error.message }
    throw error
  }
}

async function* messagesOf(response: ExchangeResponse): AsyncGenerator<Uint8Array> {
  const decoder = new SseDecoder({ maxEventBytes: MAX_MESSAGE_BYTES })
  for await (const chunk of response.body)
    for (const { data } of decoder.push(chunk)) if (data !== undefined && data.length > 0) yield data
}

const isResponseTo = (message: Uint8Array, id: JsonRpcId | null): boolean => {
  try {
    const scanned = scanMessage(message, LENIENT)
    return scanned.kind === 'response' && id !== null && scanned.id === id
  } catch {
    return false
  }
}

/** The error in a body that answers no request: the gateway refused before it knew which. */
const errorIn = (body: Buffer, status: number): { code: number; message: string; data?: object } => {
  try {
    const message: unknown = JSON.parse(body.toString('utf8'))
    const error = isJsonObject(message) ? message['error'] : undefined
    if (isJsonObject(error) && typeof error['code'] === 'number' && typeof error['message'] === 'string') {
      const data = isJsonObject(error['data']) ? error['data'] : undefined
      const advice = data?.['reason'] === 'no_such_path' ? '; name a registered server: mreg stdio NAME' : ''
      return {
        code: error['code'],
        message: error['message'] + advice,
        ...(data === undefined ? {} : { data }),
      }
    }
  } catch {
    // Not JSON: the status says all there is.
  }
  return {
    code: ERROR_CODE.internal,
    message: `the gateway answered with status ${status}`,
    data: { reason: 'gateway_refused' },
  }
}

const lostWords = (error: unknown): { reason: string; text: string } => {
  if (CommandFailure.is(error)) return { reason: error.code, text: [error.message, ...error.hints].join(' ') }
  if (ExchangeError.is(error)) {
    return {
      reason: 'gateway_lost',
      text: 'The connection to the gateway broke while the request was under way; it may or may not have been carried out.',
    }
  }
  return { reason: 'internal', text: error instanceof Error ? error.message : String(error) }
}
