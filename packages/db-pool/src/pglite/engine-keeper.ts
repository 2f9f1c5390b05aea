import { setTimeout as sleep } from 'node:timers/promises'

import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import { backoffMs } from '../session/backoff.ts'
import type { EngineThread } from './engine-thread.ts'

/** A thread that lived so long, in milliseconds, did not die of how it was started. */
const HEALTHY_MS = 60_000

export interface EngineKeeperOptions {
  readonly open: () => Promise<EngineThread>
  /** undefined: what the thread held is gone with it. */
  readonly reopen: (() => Promise<EngineThread>) | undefined
  /** How long {@link EngineKeeper.engine} waits for a thread that is being started again, in milliseconds. */
  readonly waitMs: number
  /** Is told why a thread ended, and why it could not be started again. */
  readonly onError: (error: unknown) => void
}

/** Keeps the database open in a thread: one that dies is started again, with growing pauses, for ever. */
export class EngineKeeper {
  readonly #options: EngineKeeperOptions
  readonly #closing = new AbortController()
  #thread: Promise<EngineThread> | undefined
  #open = false
  /** Why there is no thread at the moment. */
  #failure: unknown
  /** Threads in a row that did not live long. */
  #deaths = 0

  constructor(options: EngineKeeperOptions) {
    this.#options = options
  }

  /** Whether there is a thread with an open database in it. */
  get isOpen(): boolean {
    return this.#open
  }

  /**
   * Opens the database when that has not been done, and waits a little when it is being opened again.
   *
   * @throws {DatabaseUnavailableError} it was closed, could not be opened, or is not open again yet.
   */
  async engine(): Promise<EngineThread> {
    if (this.#closing.signal.aborted) {
      throw new DatabaseUnavailableError('closed', 'the database pool was closed')
    }
    this.#thread ??= this.#first()
    return await (this.#failure === undefined ? this.#thread : this.#again(this.#thread))
  }

  /** Ends the thread. Whatever is under way has been waited for, or is cut. */
  async close(): Promise<void> {
    this.#closing.abort()
    const thread = await this.#thread?.catch(() => undefined)
    this.#open = false
    await thread?.close()
  }

  async #first(): Promise<EngineThread> {
    try {
      return this.#watched(await this.#options.open())
    } catch (error) {
      this.#thread = undefined
      throw error
    }
  }

  async #again(thread: Promise<EngineThread>): Promise<EngineThread> {
    const { waitMs } = this.#options
    const waited = new AbortController()
    const overdue = sleep(waitMs, undefined, { signal: waited.signal }).then(() => {
      const about = this.#failure instanceof Error ? this.#failure.message : String(this.#failure)
      const message = `the embedded database is being opened again, which took longer than ${waitMs} ms: ${about}`
      throw new DatabaseUnavailableError('not-ready', message, { cause: this.#failure })
    })
    try {
      return await Promise.race([thread, overdue])
    } finally {
      waited.abort()
      overdue.catch(() => {})
    }
  }

  #watched(thread: EngineThread): EngineThread {
    this.#open = true
    this.#failure = undefined
    void this.#watch(thread)
    return thread
  }

  async #watch(thread: EngineThread): Promise<void> {
    const startedAt = performance.now()
    const reason = await thread.failed
    this.#open = false
    this.#failure = reason
    this.#deaths = performance.now() - startedAt < HEALTHY_MS ? this.#deaths + 1 : 1
    if (!this.#closing.signal.aborted) {
      this.#options.onError(reason)
      this.#thread = this.#revived(thread, reason)
      // Those who wait for it are told; when nobody does, there is nobody to tell.
      this.#thread.catch(() => {})
    }
  }

  async #revived(dead: EngineThread, reason: Error): Promise<EngineThread> {
    const { onError, reopen } = this.#options
    if (reopen === undefined) {
      const message = `the thread of the embedded database ended, and with it what was in memory: ${reason.message}`
      throw new DatabaseUnavailableError('connection-lost', message, { cause: reason })
    }
    await dead.ended
    for (let attempt = this.#deaths - 1; ; attempt += 1) {
      await this.#pause(attempt)
      try {
        const thread = await reopen()
        if (this.#closing.signal.aborted) {
          await thread.close()
        }
        this.#refuseWhenClosed()
        return this.#watched(thread)
      } catch (error) {
        this.#refuseWhenClosed()
        this.#failure = error
        onError(error)
      }
    }
  }

  async #pause(attempt: number): Promise<void> {
    const pauseMs = attempt === 0 ? 0 : 50 + backoffMs(attempt, 100, 10_000)
    await sleep(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => {})
    this.#refuseWhenClosed()
  }

  #refuseWhenClosed(): void {
    if (this.#closing.signal.aborted) {
      throw new DatabaseUnavailableError('closed', 'the database pool was closed')
    }
  }
}
