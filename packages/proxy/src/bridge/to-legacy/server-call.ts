import { ERROR_CODE, type JsonRpcId, readValue, type ScannedMessage } from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import type { Send, Turn } from '../../converse.ts'
import type { Relay } from '../../relay.ts'
import type { Attempts } from '../../replicas/attempts.ts'
import { resumed } from '../../resumed-stream.ts'
import type { RoutedMessage } from '../../routed.ts'
import { scannedTurn } from '../turns.ts'
import { legacyRequest } from './legacy-request.ts'
import type { ServerSession } from './server-session.ts'
import type { RunningCall } from './server-voice.ts'

/** One thing that a server says in the course of a call. */
export interface CallEvent {
  readonly kind: 'notification' | 'request' | 'response'
  readonly message: Uint8Array
  readonly scanned: ScannedMessage
  /** Whether the server has said it, and not the gateway in its place. */
  readonly isGenuine: boolean
  /** Why the gateway says it. */
  readonly failure?: unknown
}

/** What a server may ask in the middle of a call, and the capability of the client that this needs. */
const ABILITY: ReadonlyMap<string, string> = new Map([
  ['elicitation/create', 'elicitation'],
  ['sampling/createMessage', 'sampling'],
  ['roots/list', 'roots'],
])

/** Methods that may be answered with a question. */
const ASKING: ReadonlySet<string | undefined> = new Set(['tools/call', 'prompts/get', 'resources/read'])

/** Why a call is given up, when it is the time that is over. */
const TIMEOUTS: ReadonlySet<unknown> = new Set(['total_timeout', 'idle_timeout', 'headers_timeout'])

/** A request of a client of the newer era, under way at a server of the older one. It may outlive the client's own request. */
export class ServerCall implements RunningCall {
  readonly id: number
  #session: ServerSession
  readonly #maxDepth: number
  readonly #turns: AsyncGenerator<Turn, void, undefined>
  readonly #given = new AbortController()
  readonly #abilities: ReadonlySet<string>
  readonly #offered: CallEvent[] = []
  readonly #isAsking: boolean
  #reading: Promise<IteratorResult<Turn, void>> | undefined
  #wake: (() => void) | undefined
  #wantsLogs: boolean
  #isOver = false

  /**
   * @param way where it goes, and the session there.
   * @param capabilities what the client is able to do.
   */
  constructor(
    message: RoutedMessage,
    { attempts, sessionOf }: { readonly attempts: Attempts; readonly sessionOf: () => ServerSession },
    relay: Relay,
    capabilities: JsonObject,
  ) {
    const { exchange, scanned } = message
    const session = sessionOf()
    this.id = session.nextId()
    this.#session = session
    this.#maxDepth = relay.maxJsonDepth
    this.#isAsking = ASKING.has(scanned.method)
    this.#abilities = new Set(Object.keys(capabilities))
    this.#wantsLogs = scanned.meta?.logLevel !== undefined
    const { signal } = this.#given
    const send: Send = async (examine) => {
      const { logLevel } = scanned.meta ?? {}
      const current = this.#session
      if (logLevel !== undefined) await current.wantLogs(logLevel)
      const timeoutMs = attempts.remainingMs
      const reply = await current.send({
        message: legacyRequest(exchange.body, scanned, this.id),
        method: scanned.method,
        signal,
        timeoutMs,
        lease: attempts.begin(),
        examine,
      })
      const reopen = (lastEventId: string, ends: AbortSignal) => current.resume(lastEventId, ends)
      return resumed(reply, { id: this.id, maxDepth: this.#maxDepth, timeoutMs, reopen, signal })
    }
    const again = async (error: unknown): Promise<boolean> => {
      if (signal.aborted || !(await attempts.another(error))) return false
      this.#session.voice.leave(this)
      this.#session = sessionOf()
      await this.join()
      return true
    }
    this.#turns = relay.converse(message, send, { era: 'legacy', keepStatus: false, id: this.id, again })
  }

  /** Where it is now. */
  get session(): ServerSession {
    return this.#session
  }

  /** Makes the server's own words heard that may be about it, if it may have use for them. */
  async join(): Promise<void> {
    if (this.needsVoice) await this.#session.voice.join(this)
  }

  /** Whether the server could ask its client something on the way. */
  get mayAsk(): boolean {
    return this.#isAsking && [...ABILITY.values()].some((ability) => this.#abilities.has(ability))
  }

  /** Whether the stream on which the server speaks unasked is of use to it. */
  get needsVoice(): boolean {
    return this.mayAsk || this.#wantsLogs
  }

  takes(method: string): boolean {
    return !this.#isOver && this.isOfferedBy(method)
  }

  /** Whether the client could be asked that, were the call still under way. */
  isOfferedBy(method: string): boolean {
    if (method === 'notifications/message') return this.#wantsLogs
    const ability = ABILITY.get(method)
    return ability !== undefined && this.#isAsking && this.#abilities.has(ability)
  }

  offer(message: Uint8Array, scanned: ScannedMessage): void {
    if (scanned.kind === 'response' || this.#offered.length >= MAX_OFFERED) return
    this.#offered.push({ kind: scanned.kind, message, scanned, isGenuine: true })
    this.#wake?.()
  }

  /** What the server says next. The last of it is the response. */
  async next(): Promise<CallEvent> {
    for (;;) {
      const event = await this.#next(() => false)
      if (event !== undefined) return event
    }
  }

  /** The same; undefined when it says nothing for so many milliseconds. */
  async nextWithin(ms: number): Promise<CallEvent | undefined> {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.#wake?.()
    }, ms)
    try {
      return await this.#next(() => isLate)
    } finally {
      clearTimeout(timer)
    }
  }

  async #next(isLate: () => boolean): Promise<CallEvent | undefined> {
    for (;;) {
      const offered = this.#offered.shift()
      if (offered !== undefined) return offered
      if (isLate()) return undefined
      // Kept when it is not waited for any longer: what it gives is the next thing all the same.
      this.#reading ??= this.#turns.next()
      const { promise: woken, resolve } = Promise.withResolvers<undefined>()
      this.#wake = () => resolve(undefined)
      const read = await Promise.race([this.#reading, woken])
      if (read === undefined) continue
      this.#reading = undefined
      if (read.done === true) throw new Error('a conversation ended without a final turn')
      return this.#eventOf(read.value)
    }
  }

  /** The client does not want the answer any more. */
  cancel(reason: string): void {
    if (this.#isOver) return
    this.#end()
    void this.session.cancel(this.id, reason).finally(() => {
      this.#given.abort()
      // Suspended where nobody reads on, it would keep its connection.
      void this.#turns.return()
    })
  }

  /** Refuses what the server asks, so that it need not wait for it. */
  refuse(id: JsonRpcId, message: string, code: number = ERROR_CODE.internal): Promise<void> {
    return this.session.respond(id, { error: { code, message } })
  }

  #eventOf(turn: Turn): CallEvent {
    const scanned = scannedTurn(turn, this.#maxDepth)
    if (!turn.final) return { kind: scanned.kind, message: turn.message, scanned, isGenuine: true }
    const isGenuine = turn.scanned !== undefined
    if (!isGenuine && TIMEOUTS.has(reasonIn(turn.message, scanned)))
      void this.session.cancel(this.id, 'timeout')
    this.#end()
    return { kind: 'response', message: turn.message, scanned, isGenuine, failure: turn.failure }
  }

  #end(): void {
    this.#isOver = true
    this.session.voice.leave(this)
    for (const { kind, scanned } of this.#offered.splice(0)) {
      if (kind === 'request' && typeof scanned.id !== 'object' && scanned.id !== undefined)
        void this.refuse(scanned.id, 'The call is over.')
    }
  }
}

/** The most that waits for the reader of a call. */
const MAX_OFFERED = 256

const reasonIn = (message: Uint8Array, { errorSpan }: ScannedMessage): unknown => {
  const error = errorSpan && readValue(message, errorSpan)
  const data = isJsonObject(error) ? error['data'] : undefined
  return isJsonObject(data) ? data['reason'] : undefined
}
