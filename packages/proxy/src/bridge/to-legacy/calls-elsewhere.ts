import { randomUUID } from 'node:crypto'

import type { Turn } from '../../converse.ts'
import type { ProcessLine } from '../../processes/process-line.ts'
import { TAKEN, TURN, TurnInbox } from '../../processes/turn-inbox.ts'
import { sendTurns } from '../../processes/turn-sender.ts'
import type { RoutedMessage } from '../../routed.ts'
import type { CallElsewhere } from './parked-calls.ts'

/** A request that came to another process than the one that holds the call it goes on with. */
export interface ForwardedRequest {
  readonly body: Uint8Array
  readonly requestId: string
  /** Aborted when its client has gone. */
  readonly signal: AbortSignal
}

export interface CallsElsewhereOptions {
  readonly line: ProcessLine
  readonly heartbeatMs: number
  /** Goes on with the call of that name, which is in this process; undefined: it is not. */
  readonly goOn: (
    call: string,
    request: ForwardedRequest,
  ) => AsyncGenerator<Turn, void, undefined> | undefined
}

const GO_ON = 'call-go-on'
const LEAVE = 'call-leave'
const GONE = 'gone'
const NOTHING = new Uint8Array(0)
/** So many heartbeats of the other process may be missed. */
const MISSED_HEARTBEATS = 3

/** Calls that wait for their clients in one process, and are gone on with through another one. */
export class CallsElsewhere {
  readonly #options: CallsElsewhereOptions
  readonly #inboxes = new Map<string, TurnInbox>()
  readonly #leaving = new Map<string, AbortController>()

  constructor(options: CallsElsewhereOptions) {
    const { line } = options
    this.#options = options
    line.on(TURN, ({ head, bytes }) => this.#inboxes.get(String(head['key']))?.take({ head, bytes }) ?? GONE)
    line.on(LEAVE, ({ head }) => {
      this.#leaving.get(String(head['key']))?.abort()
      return TAKEN
    })
    line.on(GO_ON, ({ head, bytes }) => {
      const { call, from, key, requestId } = head
      return this.#goOn(String(call), String(from), String(key), {
        body: bytes,
        requestId: String(requestId),
      })
    })
  }

  /**
   * Goes on with a call of another process.
   *
   * @returns `answered`; `gone`: that process does not have the call, or is not there; `lost`: it has fallen silent, and nobody
   * knows what became of the call.
   */
  async *ask(
    { exchange }: RoutedMessage,
    { call, process }: CallElsewhere,
  ): AsyncGenerator<Turn, 'answered' | 'gone' | 'lost', undefined> {
    const { heartbeatMs, line } = this.#options
    const { body, requestId, signal } = exchange
    const key = randomUUID()
    const inbox = new TurnInbox()
    this.#inboxes.set(key, inbox)
    const leave = (): void => void line.send(process, LEAVE, { head: { key }, bytes: NOTHING })
    let isOver = true
    try {
      const word = await line.send(process, GO_ON, { head: { call, key, requestId }, bytes: body })
      if (word !== TAKEN) return 'gone'
      isOver = false
      if (signal.aborted) leave()
      else signal.addEventListener('abort', leave)
      isOver = yield* inbox.turns(heartbeatMs * MISSED_HEARTBEATS)
      return isOver ? 'answered' : 'lost'
    } finally {
      signal.removeEventListener('abort', leave)
      this.#inboxes.delete(key)
      if (!isOver) leave()
    }
  }

  #goOn(call: string, to: string, key: string, request: Omit<ForwardedRequest, 'signal'>): string {
    const { goOn, heartbeatMs, line } = this.#options
    const leave = new AbortController()
    const turns = goOn(call, { ...request, signal: leave.signal })
    if (turns === undefined) return GONE
    this.#leaving.set(key, leave)
    void sendTurns(turns, { heartbeatMs, key, leave, line, to }).finally(() => this.#leaving.delete(key))
    return TAKEN
  }
}
