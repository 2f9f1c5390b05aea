import { type Logger, silentLogger } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import {
  type Change,
  ChangeRepository,
  CHANGES_CHANNEL,
  type RegistryDatabase,
  SnapshotRepository,
} from '@mreg/repositories'

import type { ChangeFollower } from './change-follower.ts'
import type { RegisteredServer, RegistryDelta } from './registry-delta.ts'

/** How many changes one look takes at most. */
const BATCH = 1000

export interface ChangeFeedOptions {
  readonly database: DatabasePool<RegistryDatabase>
  /** Whether the database can be listened to; without, it is asked each `pollMs`. */
  readonly listen: boolean
  /** Between looks when nothing was announced, in milliseconds. */
  readonly pollMs: number
  readonly logger?: Logger | undefined
  /** A clock that never goes back, in milliseconds. Default `performance.now`. */
  readonly now?: (() => number) | undefined
}

/** What is known without the database: all servers, as they were at these revisions of their tenants. */
export interface KnownServers {
  readonly revisions: ReadonlyMap<string, number>
  readonly servers: readonly RegisteredServer[]
  /** What else is followed, by the kinds of its changes; undefined: nothing was. */
  readonly others?: ReadonlyMap<string, readonly unknown[]> | undefined
  /** When the database said so last; undefined: nobody knows. */
  readonly confirmedAt?: Date | undefined
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
  readonly #followers: ChangeFollower[] = []
  #running: Promise<void> | undefined
  #again: Promise<void> | undefined
  #subscription: AsyncDisposable | undefined
  #timer: NodeJS.Timeout | undefined
  #loaded = false
  #closed = false
  #confirmedAt: number | undefined

  constructor(options: ChangeFeedOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** The revision of each tenant up to which everything was told; 0 for one in which nothing has happened. */
  get revisions(): ReadonlyMap<string, number> {
    return this.#revisions
  }

  /** What is followed besides servers, by the kinds of its changes. */
  get others(): ReadonlyMap<string, readonly unknown[]> {
    return new Map(this.#followers.map((follower) => [follower.kinds, follower.known()]))
  }

  /** Whether everything was told as the database has it. Until then it is what was known before, or nothing. */
  get isLoaded(): boolean {
    return this.#loaded
  }

  /**
   * How long ago the database last said that nothing is missing here, in milliseconds, this process or the one before it that
   * knew what was resumed; undefined: nobody knows. Whoever honours what may have been taken back meanwhile decides how long
   * that is good for.
   */
  get confirmedAgeMs(): number | undefined {
    return this.#confirmedAt === undefined ? undefined : this.#now() - this.#confirmedAt
  }

  /** Calls `listener` with each change, synchronously, from {@link ChangeFeed.start} on. Gives the function that ends it. */
  onDelta(listener: (delta: RegistryDelta) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Keeps `follower` current, from {@link ChangeFeed.start} on. */
  follow(follower: ChangeFollower): void {
    this.#followers.push(follower)
  }

  /**
   * Tells what was known before this process began, as one change. The database is not asked: {@link ChangeFeed.start} tells
   * everything anew. Without effect once anything was told.
   */
  resume({ revisions, servers, others, confirmedAt }: KnownServers): void {
    if (this.#revisions.size > 0 || this.#loaded) return
    if (confirmedAt !== undefined)
      this.#confirmedAt = this.#now() - Math.max(0, Date.now() - confirmedAt.getTime())
    for (const follower of this.#followers) follower.resume(others?.get(follower.kinds) ?? [])
    this.#tell({ changed: servers, removed: [], complete: true })
    for (const [tenantId, revision] of revisions) this.#revisions.set(tenantId, revision)
  }

  /**
   * Tells everything that is registered as one change, then follows. May be called again after a failure.
   *
   * @throws {DatabaseUnavailableError} the database does not answer.
   */
  async start(): Promise<void> {
    const { database, listen, pollMs } = this.#options
    if (listen) this.#subscription ??= await database.listen(CHANGES_CHANNEL, () => this.#look())
    // Through the same door as what is announced meanwhile: two at once could put the older state over the newer.
    await this.catchUp()
    this.#timer ??= setInterval(() => this.#look(), pollMs)
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
      this.#running = this.#read().finally(() => {
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

  async #read(): Promise<void> {
    const begun = this.#now()
    await (this.#loaded ? this.#readChanges() : this.#readAll())
    this.#confirmedAt = begun
  }

  async #readAll(): Promise<void> {
    const { revisions, servers, followed } = await this.#options.database.systemSession(
      'load the routes',
      async (session) => ({
        // Revisions first: what is committed in between is then told twice, never missed.
        revisions: await new ChangeRepository(session).revisions(),
        servers: await new SnapshotRepository(session).allServers(),
        followed: await inTurn(this.#followers, (follower) => follower.readAll(session)),
      }),
    )
    for (const takeOver of followed) takeOver()
    this.#tell({ changed: servers, removed: [], complete: true })
    this.#revisions.clear()
    for (const [tenantId, revision] of revisions) this.#revisions.set(tenantId, revision)
    this.#loaded = true
  }

  async #readChanges(): Promise<void> {
    const revisions = await this.#options.database.systemSession('look for changes', (session) =>
      new ChangeRepository(session).revisions(),
    )
    // The log is behind what was told: the database was restored from a copy of before.
    for (const [tenantId, known] of this.#revisions)
      if ((revisions.get(tenantId) ?? 0) < known) return this.#readAll()
    for (const [tenantId, revision] of revisions) {
      while ((this.#revisions.get(tenantId) ?? 0) < revision) await this.#readTenant(tenantId)
      // One in which nothing has happened yet is known all the same.
      if (!this.#revisions.has(tenantId)) this.#revisions.set(tenantId, revision)
    }
    for (const tenantId of this.#revisions.keys())
      if (!revisions.has(tenantId)) this.#revisions.delete(tenantId)
  }

  async #readTenant(tenantId: string): Promise<void> {
    const since = this.#revisions.get(tenantId) ?? 0
    const read = await this.#options.database.systemSession('read changes', async (session) => {
      const changes = await new ChangeRepository(session).since(tenantId, since, BATCH)
      const ids = [...new Set([...objectsOf(changes, 'server_'), ...objectsOf(changes, WITHHOLDING)])]
      const followed = await inTurn(this.#followers, async (follower) => {
        const followedIds = objectsOf(changes, follower.kinds)
        return followedIds.length === 0 ? () => {} : follower.read(session, followedIds)
      })
      return { changes, ids, followed, changed: await new SnapshotRepository(session).serversByIds(ids) }
    })
    const last = read.changes.at(-1)
    // Older entries are pruned at some time: who was away for longer than that reads everything.
    if (last === undefined || read.changes[0]?.revision !== since + 1) return this.#readAll()
    const found = new Set(read.changed.map(({ id }) => id))
    const removed = read.ids.filter((id) => !found.has(id)).map((serverId) => ({ tenantId, serverId }))
    for (const takeOver of read.followed) takeOver()
    this.#tell({ changed: read.changed, removed, complete: false, changes: read.changes })
    this.#revisions.set(tenantId, last.revision)
  }

  #now(): number {
    return (this.#options.now ?? performance.now.bind(performance))()
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

const objectsOf = (changes: readonly Change[], kinds: string): readonly string[] => [
  ...new Set(changes.filter(({ kind }) => kind.startsWith(kinds)).map(({ objectId }) => objectId)),
]

/** One after the other: a session is one connection. */
const inTurn = async <Item, Result>(
  items: readonly Item[],
  read: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> => {
  const results: Result[] = []
  for (const item of items) results.push(await read(item))
  return results
}

/** What is withheld of a server is part of what is told of it. */
const WITHHOLDING = 'capabilities_updated'
