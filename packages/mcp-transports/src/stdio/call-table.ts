import { encodeNotification, scanMessage, type ScannedMessage } from '@mreg/mcp-wire'

import { UpstreamTransportError } from '../upstream-transport-error.ts'
import type { Call } from './call.ts'
import { failure } from './failure.ts'
import { MessageQueue } from './message-queue.ts'
import { LENIENT } from './raw-message.ts'
import { StdioSession } from './stdio-session.ts'

/** What may wait for a slow reader of one call, besides its answer. */
const MAX_WAITING_MESSAGES = 1_000

/** Stands for ourselves among the callers. */
const OURSELVES = new StdioSession(new Set())
const OUR_CALL = {
  session: OURSELVES,
  callerId: '',
  rawCallerId: new Uint8Array(0),
  rawCallerToken: undefined,
} as const

/** The way into the process. */
export interface ProcessInput {
  /** @throws {UpstreamTransportError} when the process cannot take it. */
  write(message: Uint8Array): Promise<void>
  /** Sends something whose loss is nobody's failure. */
  tell(message: Uint8Array): void
}

/** An answer to a question of our own. */
export interface OwnAnswer {
  readonly message: Uint8Array
  readonly scanned: ScannedMessage
}

/** The requests that a process has been sent and has not answered, under ids that are used once. */
export class CallTable {
  readonly #input: ProcessInput
  readonly #maxMessageBytes: number
  readonly #onLost: (call: Call) => void
  readonly #calls = new Map<number, Call>()
  #lastId = 0

  constructor(options: {
    readonly input: ProcessInput
    readonly maxMessageBytes: number
    /** Called with each call that ends without an answer. */
    readonly onLost: (call: Call) => void
  }) {
    this.#input = options.input
    this.#maxMessageBytes = options.maxMessageBytes
    this.#onLost = options.onLost
  }

  /** How many are under way for callers. */
  get size(): number {
    let size = 0
    for (const call of this.#calls.values()) if (!isOwn(call)) size += 1
    return size
  }

  /** The call that the process knows by that id; undefined when there is none, or none any more. */
  get(id: unknown): Call | undefined {
    return typeof id === 'number' ? this.#calls.get(id) : undefined
  }

  add(
    caller: Omit<Call, 'id' | 'messages' | 'maxMessageBytes'> & {
      readonly maxMessageBytes?: number | undefined
    },
  ): Call {
    this.#lastId += 1
    const { maxMessageBytes = this.#maxMessageBytes } = caller
    const messages = new MessageQueue({ maxBytes: this.#maxMessageBytes, maxMessages: MAX_WAITING_MESSAGES })
    const call: Call = { ...caller, id: this.#lastId, maxMessageBytes, messages }
    this.#calls.set(call.id, call)
    call.session?.calls.set(call.callerId, call)
    return call
  }

  /** Sends the message of a call. When the process does not take it, the call fails. */
  send(call: Call, message: Uint8Array): void {
    this.#input.write(message).catch((error: unknown) => {
      if (UpstreamTransportError.is(error)) this.cancel(call, error)
    })
  }

  /** Asks the process something for ourselves. */
  async ask(encode: (id: number) => Uint8Array): Promise<OwnAnswer> {
    const call = this.add(OUR_CALL)
    this.send(call, encode(call.id))
    try {
      const message = await call.messages.next()
      if (message === undefined) throw failure('closed', 'the process was ended')
      return { message, scanned: scanMessage(message, LENIENT) }
    } finally {
      this.#remove(call)
    }
  }

  /** The answer has come: the last message of the call. */
  answer(call: Call, message: Uint8Array): void {
    this.#remove(call)
    call.messages.push(message, true)
    call.messages.end()
  }

  /** The answer came, or will come, to nothing. The process knows. */
  fail(call: Call, error: UpstreamTransportError): void {
    if (!this.#remove(call)) return
    call.messages.end(error)
    this.#onLost(call)
  }

  /** Nobody waits for the answer any more. The process is told, if it has heard of the call and can hear. */
  cancel(call: Call, error: UpstreamTransportError): void {
    const { requestSent, reason } = error
    const canHear = requestSent && reason !== 'process_exited' && reason !== 'closed'
    if (canHear && this.#calls.has(call.id)) {
      this.#input.tell(
        encodeNotification({ method: 'notifications/cancelled', params: { requestId: call.id, reason } }),
      )
    }
    this.fail(call, error)
  }

  failAll(error: UpstreamTransportError): void {
    for (const call of this.#calls.values()) this.fail(call, error)
  }

  /** The latest call of each caller that has one, latest first, subscriptions left out. A call of no session has a caller of its own. */
  latestOfEachCaller(): readonly Call[] {
    const seen = new Set<StdioSession>()
    return [...this.#calls.values()].toReversed().filter((call) => {
      const { session } = call
      if (isOwn(call) || call.isSubscription === true || (session !== undefined && seen.has(session)))
        return false
      if (session !== undefined) seen.add(session)
      return true
    })
  }

  #remove(call: Call): boolean {
    const { callerId, id, session } = call
    if (session?.calls.get(callerId) === call) session.calls.delete(callerId)
    return this.#calls.delete(id)
  }
}

/** Whether a call is a question of our own. */
export const isOwn = ({ session }: Call): boolean => session === OURSELVES
