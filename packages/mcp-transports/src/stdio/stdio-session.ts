import { randomUUID } from 'node:crypto'

import type { JsonRpcId } from '@mreg/mcp-wire'

import type { Call } from './call.ts'
import { MessageQueue } from './message-queue.ts'

/** Bounds of what waits for a client that does not listen at the moment. */
const UNASKED_LIMITS = { maxBytes: 1_048_576, maxMessages: 64 }

/** One client's session with a process. Several may share the process; none of them can tell. */
export class StdioSession {
  readonly id: string = randomUUID()
  /** What its client offers to do for a server: names of its capabilities. */
  readonly abilities: ReadonlySet<string>
  /** Its requests under way, by the id that its client gave them. */
  readonly calls = new Map<JsonRpcId, Call>()
  /** What the process says that belongs to no call. */
  readonly unasked = new MessageQueue(UNASKED_LIMITS)
  /** Resources whose changes it wants to hear of. */
  readonly subscriptions = new Set<string>()
  #listener: AbortController | undefined

  constructor(abilities: ReadonlySet<string>) {
    this.abilities = abilities
  }

  /** Whether its client listens now. */
  get isListening(): boolean {
    return this.#listener !== undefined
  }

  /** What the process says unasked, until `signal`, the end of the session, or another listener: there is one at a time. */
  listen(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    this.#listener?.abort()
    const listener = new AbortController()
    this.#listener = listener
    const leave = (): void => {
      if (this.#listener === listener) this.#listener = undefined
    }
    const either = AbortSignal.any([signal, listener.signal])
    // Also when it is never read from.
    if (either.aborted) leave()
    else either.addEventListener('abort', leave, { once: true })
    return this.#listen(either, leave)
  }

  async *#listen(signal: AbortSignal, leave: () => void): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        const message = await this.unasked.next(signal)
        if (message === undefined) return
        yield message
      }
    } finally {
      leave()
    }
  }

  /** Whether a change of `uri` is about something that it has subscribed to: the resource itself, or one below it. */
  isSubscribedTo(uri: string): boolean {
    for (const subscribed of this.subscriptions) {
      if (uri === subscribed || uri.startsWith(subscribed.endsWith('/') ? subscribed : `${subscribed}/`))
        return true
    }
    return false
  }

  end(): void {
    this.unasked.end()
    this.#listener?.abort()
  }
}
