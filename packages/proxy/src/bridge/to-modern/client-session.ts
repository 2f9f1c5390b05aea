import { randomUUID } from 'node:crypto'

import type { JsonRpcId } from '@mreg/mcp-wire'
import type { JsonObject } from '@mreg/upstream'

/** A call of the client that has no answer yet. */
export interface OpenCall {
  cancel(): void
}

/** What the client said to a question: the members of its response. */
export type ClientAnswer = JsonObject | undefined

/** What is remembered of a session whose server keeps none. All of it may be lost: the client only has to say it again. */
export class ClientSession {
  /** From which severity on the client wants log messages; undefined: it did not say, and gets none. */
  logLevel: string | undefined
  /** Resources whose changes it wants to hear of. */
  readonly subscriptions = new Set<string>()
  readonly calls = new Map<JsonRpcId, OpenCall>()
  readonly #asked = new Map<string, (answer: ClientAnswer) => void>()
  readonly #questionPrefix: string
  #onSubscriptions: (() => void) | undefined
  #endListening: (() => void) | undefined

  /** @param questionPrefix what the ids of its questions begin with. */
  constructor(questionPrefix: string) {
    this.#questionPrefix = questionPrefix
  }

  /** What has to be known of it to go on with it. */
  get facts(): { readonly logLevel: string | undefined; readonly subscriptions: readonly string[] } {
    return { logLevel: this.logLevel, subscriptions: [...this.subscriptions] }
  }

  /** Goes on with what another process has known of it. */
  restore({ logLevel, subscriptions }: JsonObject): void {
    if (typeof logLevel === 'string') this.logLevel = logLevel
    if (!Array.isArray(subscriptions)) return
    for (const uri of subscriptions as readonly unknown[]) if (typeof uri === 'string') this.subscribe(uri)
  }

  /** Whether anything would be lost if it were forgotten now. */
  get isBusy(): boolean {
    return this.calls.size > 0 || this.#endListening !== undefined
  }

  /**
   * A question to the client. Its answer is undefined when none comes within `timeoutMs`, or when `signal` is aborted.
   */
  ask(
    timeoutMs: number,
    signal: AbortSignal,
  ): { readonly id: string; readonly answer: Promise<ClientAnswer> } {
    const id = `${this.#questionPrefix}${randomUUID()}`
    const { promise, resolve } = Promise.withResolvers<ClientAnswer>()
    const settle = (answer?: ClientAnswer): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      this.#asked.delete(id)
      resolve(answer)
    }
    const giveUp = (): void => settle()
    const timer = setTimeout(giveUp, timeoutMs)
    timer.unref()
    this.#asked.set(id, settle)
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp)
    return { id, answer: promise }
  }

  /** Takes the client's answer to a question. Gives false when nobody has asked that here. */
  answer(id: unknown, answer: JsonObject): boolean {
    const settle = typeof id === 'string' ? this.#asked.get(id) : undefined
    settle?.(answer)
    return settle !== undefined
  }

  subscribe(uri: string): void {
    if (this.subscriptions.has(uri)) return
    this.subscriptions.add(uri)
    this.#onSubscriptions?.()
  }

  unsubscribe(uri: string): void {
    if (this.subscriptions.delete(uri)) this.#onSubscriptions?.()
  }

  /** Makes the caller the one who listens; whoever did before is told to end. Gives what ends it. */
  listen(onSubscriptions: () => void, end: () => void): () => void {
    this.#endListening?.()
    this.#onSubscriptions = onSubscriptions
    this.#endListening = end
    return () => {
      if (this.#endListening !== end) return
      this.#endListening = undefined
      this.#onSubscriptions = undefined
    }
  }

  end(): void {
    this.#endListening?.()
    for (const call of this.calls.values()) call.cancel()
  }
}

/** The sessions of a process. When there are too many, the one that was used longest ago and is idle goes. */
export class ClientSessions {
  readonly #maxSessions: number
  readonly #sessions = new Map<string, ClientSession>()
  readonly #questionPrefix: string

  constructor(maxSessions: number, questionPrefix = 'mreg-') {
    this.#maxSessions = maxSessions
    this.#questionPrefix = questionPrefix
  }

  /** The session, if something is remembered of it here. */
  find(id: string): ClientSession | undefined {
    return this.#sessions.get(id)
  }

  get(id: string): ClientSession {
    const session = this.#sessions.get(id) ?? new ClientSession(this.#questionPrefix)
    this.#sessions.delete(id)
    this.#sessions.set(id, session)
    if (this.#sessions.size > this.#maxSessions) this.#forgetOne()
    return session
  }

  end(id: string): void {
    this.#sessions.get(id)?.end()
    this.#sessions.delete(id)
  }

  #forgetOne(): void {
    for (const [id, { isBusy }] of this.#sessions) {
      if (isBusy) continue
      this.#sessions.delete(id)
      return
    }
  }
}
