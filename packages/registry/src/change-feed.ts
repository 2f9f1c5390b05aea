import { type Logger, silentLogger } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import {
  ChangeRepository,
  CHANGES_CHANNEL,
  type RegistryDatabase,
  SnapshotRepository,
} from '@mreg/repositories'

import type { RegistryDelta } from './registry-delta.ts'

/** How many changes one look takes at most. */
const BATCH = 1000

export interface ChangeFeedOptions {
  readonly database: DatabasePool<RegistryDatabase>
  /** Whether the database can be listened to; without, it is asked each `pollMs`. */
  readonly listen: boolean
  /** Between looks when nothing was announced, in milliseconds. */
  readonly pollMs: number
  readonly logger?: Logger | undefined
}

/**
 * Follows the change log of the registry and tells, in the order of commits, what a gateway must serve
 * differently. NOTIFY only says "look"; what is past the known revision is read, so nothing is missed
 * when a notification is.
 */
export class ChangeFeed implements AsyncDisposable {
  readonly #options: ChangeFeedOptions
  readonly #logger: Logger
  readonly #revisions = new Map<string, number>()
  readonly #listeners = new Set<(delta: RegistryDelta) => void>()
  #running: Promise<void> | undefined
  #again: Promise<void> | undefined
  #subscription: AsyncDisposable | undefined
  #timer: NodeJS.Timeout | undefined
  #loaded = false
  #closed = false

  constructor(options: ChangeFeedOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** Calls `listener` with each change, synchronously, from {@link ChangeFeed.start} on. Gives the function that ends it. */
  onDelta(listener: (delta: RegistryDelta) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /**
   * Tells everything that is registered as one change, then follows.
   *
   * @throws {DatabaseUnavailableError} the database does not answer.
   */
  async start(): Promise<void> {
    const { database, listen, pollMs } = this.#options
    if (listen) {
      this.#subscription = await database.listen(CHANGES_CHANNEL, () => this.#look())
    }
    // Through the same door as what is announced meanwhile: two at once could put the older state over the newer.
    await this.catchUp()
    this.#timer = setInterval(() => this.#look(), pollMs)
    this.#timer.unref()
  }

  /**
   * Takes over everything that was committed before this call.
   *
   * @throws {DatabaseUnavailableError} the database does not answer; the next look will take it over.
   */
  async catchUp(): Promise<void> {
    if (this.#closed) return
    if (this.#running === undefined) {
      this.#running = (this.#loaded ? this.#readChanges() : this.#readAll()).finally(() => {
        this.#running = undefined
      })
      return this.#running
    }
    // The look under way may have read before the caller's commit: one more is needed, and one is enough for all who wait.
    this.#again ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#again = undefined
        return this.catchUp()
      })
    return this.#again
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    await this.#subscription?.[Symbol.asyncDispose]()
    await Promise.allSettled([this.#running, this.#again])
  }

  #look(): void {
    if (this.#closed) return
    this.catchUp().catch((error: unknown) => {
      this.#logger.warn('the change log could not be read; the last known routes stay', { error })
    })
  }

  async #readAll(): Promise<void> {
    const { revisions, servers } = await this.#options.database.systemSession(
      'load the routes',
      async (session) => ({
        // Revisions first: what is committed in between is then told twice, never missed.
        revisions: await new ChangeRepository(session).revisions(),
        servers: await new SnapshotRepository(session).allServers(),
      }),
    )
    this.#tell({ changed: servers, removed: [], complete: true })
    for (const [tenantId, revision] of revisions) this.#revisions.set(tenantId, revision)
    this.#loaded = true
  }

  async #readChanges(): Promise<void> {
    const revisions = await this.#options.database.systemSession('look for changes', (session) =>
      new ChangeRepository(session).revisions(),
    )
    for (const [tenantId, revision] of revisions) {
      while ((this.#revisions.get(tenantId) ?? 0) < revision) await this.#readTenant(tenantId)
    }
  }

  async #readTenant(tenantId: string): Promise<void> {
    const since = this.#revisions.get(tenantId) ?? 0
    const read = await this.#options.database.systemSession('read changes', async (session) => {
      const changes = await new ChangeRepository(session).since(tenantId, since, BATCH)
      const ids = [
        ...new Set(changes.filter(({ kind }) => kind.startsWith('server_')).map(({ objectId }) => objectId)),
      ]
      return { changes, ids, changed: await new SnapshotRepository(session).serversByIds(ids) }
    })
    const last = read.changes.at(-1)
    // Older entries are pruned at some time: who was away for longer than that reads everything.
    if (last === undefined || read.changes[0]?.revision !== since + 1) return this.#readAll()
    const found = new Set(read.changed.map(({ id }) => id))
    const removed = read.ids.filter((id) => !found.has(id)).map((serverId) => ({ tenantId, serverId }))
    this.#tell({ changed: read.changed, removed, complete: false })
    this.#revisions.set(tenantId, last.revision)
  }

  #tell(delta: RegistryDelta): void {
    for (const listener of this.#listeners) {
      try {
        listener(delta)
      } catch (error) {
        this.#logger.error('a follower of the registry failed', { error })
      }
    }
  }
}
