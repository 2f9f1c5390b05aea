import { setTimeout as sleep } from 'node:timers/promises'

import { type Logger } from '@mreg/core'
import type { ChangeFeed, RouteSnapshots, SnapshotDirectory } from '@mreg/registry'

export interface RegistryStartOptions {
  /** Waits for the database and brings it up to date. */
  readonly prepareDatabase: (signal: AbortSignal) => Promise<void>
  readonly changes: ChangeFeed
  readonly snapshots: RouteSnapshots
  /**
   * Where nobody else writes: when the process before this one ended in order, what is kept there is all there is, and the
   * database need not be waited for. undefined: others write too.
   */
  readonly directory?: SnapshotDirectory | undefined
  /** How long the database may take before what is kept is served in its place, in milliseconds. Default 3000. */
  readonly graceMs?: number | undefined
  readonly logger: Logger
}

/** Between looks for something that was kept, while the database has not answered. */
const LOOK_MS = 500
/** Between attempts, when the database does not let us in or cannot be brought up to date. */
const RETRY_MS = 5000

/**
 * How a process comes to know what is registered: from the database, or, while that is away, from what was kept, and then from the
 * database as soon as it is there.
 */
export class RegistryStart implements Disposable {
  readonly #options: RegistryStartOptions
  readonly #ending = new AbortController()
  readonly #prepared = Promise.withResolvers<void>()
  #isPrepared = false

  constructor(options: RegistryStartOptions) {
    this.#options = options
  }

  /**
   * Fulfils as soon as calls can be routed.
   *
   * @throws {DatabaseUnavailableError} the database does not answer, and nothing was kept.
   */
  async begin(): Promise<void> {
    const { directory, graceMs = 3000, snapshots } = this.#options
    const first = this.#attempt()
    // Whoever waits for it is told; it may fail before anybody does.
    first.catch(() => {})
    if (await directory?.takeComplete()) {
      const known = await snapshots.read()
      if (known !== undefined) {
        snapshots.resume(known)
        void this.#goOn(first, false)
        return
      }
    }
    let isOver = await isSettled(first, graceMs)
    while (!this.#isPrepared) {
      const known = await snapshots.read()
      if (known !== undefined) {
        snapshots.resume(known)
        const { confirmedAt, servers } = known
        this.#options.logger.warn(
          'the database does not answer; what was registered is served as it was, nothing can be changed, and it is tried again',
          { event: 'serving-snapshot', asOf: confirmedAt?.toISOString(), servers: servers.length },
        )
        void this.#goOn(first, true)
        return
      }
      if (isOver) return first
      isOver = await isSettled(first, LOOK_MS)
    }
  }

  /** Whether the database is there and up to date; waits so long for it, in milliseconds. */
  async isPrepared(withinMs: number): Promise<boolean> {
    if (!this.#isPrepared) await isSettled(this.#prepared.promise, withinMs)
    return this.#isPrepared
  }

  /** Ends the attempts. */
  [Symbol.dispose](): void {
    this.#ending.abort()
  }

  async #attempt(): Promise<void> {
    await this.#options.prepareDatabase(this.#ending.signal)
    await this.#options.changes.start()
    this.#isPrepared = true
    this.#prepared.resolve()
  }

  async #goOn(first: Promise<void>, isLate: boolean): Promise<void> {
    const { logger } = this.#options
    const { signal } = this.#ending
    let attempt = first
    while (!signal.aborted) {
      try {
        await attempt
        if (isLate) logger.info('the database is there; what has changed was taken over')
        return
      } catch (error) {
        if (signal.aborted) return
        logger.warn('the database cannot be used; it is tried again', { error })
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined)
        attempt = this.#attempt()
      }
    }
  }
}

/** Whether `work` comes to an end, good or bad, within so many milliseconds. */
const isSettled = async (work: Promise<unknown>, withinMs: number): Promise<boolean> => {
  const timer = new AbortController()
  const late = sleep(withinMs, false, { signal: timer.signal }).catch(() => false)
  const settled = work.then(
    () => true,
    () => true,
  )
  const isOver = await Promise.race([settled, late])
  timer.abort()
  return isOver
}
