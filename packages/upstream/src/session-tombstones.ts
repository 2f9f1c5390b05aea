import { type Cache, cacheKey, MAXIMUM_TTL_MS, type Notice } from '@mreg/cache'

/** Who wants to know which sessions are over. */
export interface TombstoneWatcher {
  /** Another process, or this one, has ended a session. */
  ended(sessionId: string): void
  /** Some may have ended without a word: what was looked up before this moment may be wrong. */
  missed(): void
}

export interface SessionTombstonesOptions {
  readonly cache: Cache
  /** How long an ended session stays refused, in milliseconds: as long as its token would be good. */
  readonly tombstoneMs: number
  /** Tombstones that wait for the cache to come back, at most; the oldest are given up first. */
  readonly maxPending: number
}

/** The channel on which the ends of sessions are told. */
const CHANNEL = 'session-ended'
const MAXIMUM_ID_LENGTH = 64
const MARK = Uint8Array.of(1)

/**
 * The ends of sessions, as all processes on one cache know them: kept there under the session, and told on its bus.
 * What cannot be written because the cache is away is written when it is back.
 */
export class SessionTombstones implements AsyncDisposable {
  readonly #cache: Cache
  readonly #tombstoneMs: number
  readonly #maxPending: number
  /** Not known to be written yet. */
  readonly #pending = new Set<string>()
  readonly #writes = new Set<Promise<void>>()
  #subscribing: Promise<AsyncDisposable> | undefined

  constructor({ cache, tombstoneMs, maxPending }: SessionTombstonesOptions) {
    this.#cache = cache
    this.#tombstoneMs = Math.min(tombstoneMs, MAXIMUM_TTL_MS)
    this.#maxPending = maxPending
  }

  /** Tells `watcher` from now on. There is one. */
  watch(watcher: TombstoneWatcher): void {
    this.#subscribing ??= this.#cache.subscribe(CHANNEL, ({ message, missed }: Notice) => {
      // Others may write to the bus: what cannot be the name of a session is not remembered.
      if (message !== undefined && message.length <= MAXIMUM_ID_LENGTH) watcher.ended(message)
      if (!missed) return
      watcher.missed()
      for (const sessionId of this.#pending) this.#write(sessionId)
    })
  }

  /** Tells everyone, soon. */
  add(sessionId: string): void {
    this.#pending.add(sessionId)
    if (this.#pending.size > this.#maxPending) {
      for (const oldest of this.#pending) {
        this.#pending.delete(oldest)
        break
      }
    }
    this.#write(sessionId)
  }

  /** Whether a session was ended; undefined when the cache cannot tell. Waits no longer than the cache does. */
  async has(sessionId: string): Promise<boolean | undefined> {
    const { kind } = await this.#cache.lookup(keyOf(sessionId))
    return kind === 'unknown' ? undefined : kind === 'hit'
  }

  /** Ends the subscription, when what is being written is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#writes)
    await (await this.#subscribing)?.[Symbol.asyncDispose]()
  }

  #write(sessionId: string): void {
    const write = this.#tell(sessionId).finally(() => this.#writes.delete(write))
    this.#writes.add(write)
  }

  async #tell(sessionId: string): Promise<void> {
    // In this order on one connection: who is told finds it written.
    const [isKept, isTold] = await Promise.all([
      this.#cache.set(keyOf(sessionId), MARK, { ttlMs: this.#tombstoneMs }),
      this.#cache.publish(CHANNEL, sessionId),
    ])
    if (isKept && isTold) this.#pending.delete(sessionId)
  }
}

const keyOf = (sessionId: string): string => cacheKey('session-ended', sessionId)
