import type { StdioSession } from './stdio-session.ts'

/** The sessions of one process, in the order of their last use. */
export class SessionTable {
  readonly #maxSessions: number
  readonly #onEvicted: (session: StdioSession) => void
  readonly #sessions = new Map<string, StdioSession>()
  #lastUsedAt = performance.now()

  constructor(options: {
    readonly maxSessions: number
    readonly onEvicted: (session: StdioSession) => void
  }) {
    this.#maxSessions = options.maxSessions
    this.#onEvicted = options.onEvicted
  }

  get size(): number {
    return this.#sessions.size
  }

  /** How many of their clients listen. */
  get listening(): number {
    let listening = 0
    for (const { isListening } of this.#sessions.values()) if (isListening) listening += 1
    return listening
  }

  /** When the process was last used, in milliseconds of `performance.now()`. */
  get lastUsedAt(): number {
    return this.#lastUsedAt
  }

  has(id: string): boolean {
    return this.#sessions.has(id)
  }

  /** The session of that id, which is being used now. */
  use(id: string | undefined): StdioSession | undefined {
    this.#lastUsedAt = performance.now()
    const session = id === undefined ? undefined : this.#sessions.get(id)
    if (session === undefined) return undefined
    this.#sessions.delete(session.id)
    this.#sessions.set(session.id, session)
    return session
  }

  add(session: StdioSession): void {
    if (this.#sessions.size >= this.#maxSessions) {
      const idle = [...this.#sessions.values()].find(
        ({ calls, isListening }) => calls.size === 0 && !isListening,
      )
      const [oldest] = this.#sessions.values()
      const evicted = idle ?? oldest
      if (evicted !== undefined) {
        this.#sessions.delete(evicted.id)
        this.#onEvicted(evicted)
      }
    }
    this.#sessions.set(session.id, session)
  }

  take(id: string): StdioSession | undefined {
    const session = this.#sessions.get(id)
    this.#sessions.delete(id)
    return session
  }

  takeAll(): readonly StdioSession[] {
    const all = [...this.#sessions.values()]
    this.#sessions.clear()
    return all
  }

  /** The sessions, last used first. */
  latest(): readonly StdioSession[] {
    return [...this.#sessions.values()].toReversed()
  }
}
