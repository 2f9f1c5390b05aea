import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { deserialize, serialize } from 'node:v8'

import type { ChangeFeed, KnownServers } from '../change-feed.ts'
import type { RegisteredServer, RegistryDelta } from '../registry-delta.ts'
import type { SnapshotContent, SnapshotWriter } from './snapshot-writer.ts'

/** What is served, for whoever watches. */
export interface RegistryState {
  readonly source: 'database' | 'snapshot' | 'nothing'
  /** How long ago the database last said that nothing is missing, in milliseconds; undefined: nobody knows. */
  readonly confirmedAgeMs: number | undefined
}

/** As it is written. Servers in parts, so that nobody waits until many of them have been put into bytes. */
interface StoredRoutes {
  readonly confirmedAt: Date
  readonly revisions: ReadonlyMap<string, number>
  readonly parts: readonly Uint8Array[]
  readonly others: ReadonlyMap<string, readonly unknown[]>
}

const NAME = 'routes'
const SERVERS_PER_PART = 200
/** What is the same is written again after so long: it says until when it was so. */
const REFRESH_MS = 300_000

/**
 * Keeps what is registered beyond the life of the process and of the database: all servers of all tenants, with their credentials
 * as they are in the database, sealed, and whatever else is followed.
 */
export class RouteSnapshots implements Disposable {
  readonly #changes: ChangeFeed
  readonly #writer: SnapshotWriter
  readonly #servers = new Map<string, RegisteredServer>()
  readonly #timer: NodeJS.Timeout
  #isResumed = false
  #isResuming = false

  /** Follows `changes` from now on. */
  constructor(changes: ChangeFeed, writer: SnapshotWriter) {
    this.#changes = changes
    this.#writer = writer
    changes.onDelta((delta) => this.#take(delta))
    this.#timer = setInterval(() => this.#keep(), REFRESH_MS).unref()
  }

  /** Has it written for the last time: the writer ends after this. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#keep()
  }

  /** What is served: what the database has, or what was kept of it. */
  state(): RegistryState {
    const { confirmedAgeMs, isLoaded } = this.#changes
    const source = isLoaded ? 'database' : this.#isResumed ? 'snapshot' : 'nothing'
    return { source, confirmedAgeMs: confirmedAgeMs && Math.round(confirmedAgeMs) }
  }

  /** The newest that was kept anywhere and can be used. */
  async read(): Promise<KnownServers | undefined> {
    const found = await this.#writer.read<StoredRoutes>(NAME)
    const [newest] = found.toSorted((one, other) => changesIn(other) - changesIn(one))
    if (newest === undefined) return undefined
    const { confirmedAt, revisions, others, parts } = newest
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- authenticated: it was written below
    const servers = parts.flatMap((part) => deserialize(part) as RegisteredServer[])
    return { confirmedAt, revisions, others, servers }
  }

  /** Tells everybody who follows the changes what was kept, until the database is there. */
  resume(snapshot: KnownServers): void {
    this.#isResumed = true
    this.#isResuming = true
    this.#changes.resume(snapshot)
    this.#isResuming = false
  }

  #take({ changed, removed, complete }: RegistryDelta): void {
    if (complete) this.#servers.clear()
    for (const { serverId } of removed) this.#servers.delete(serverId)
    for (const server of changed) this.#servers.set(server.id, server)
    if (!this.#isResuming) this.#writer.put(NAME, () => this.#content())
  }

  #keep(): void {
    if (this.#changes.isLoaded) this.#writer.put(NAME, () => this.#content())
  }

  async #content(): Promise<SnapshotContent> {
    // Together, before anything else happens: what is served, and the revisions that it is of.
    const servers = [...this.#servers.values()]
    const { others } = this.#changes
    const revisions = new Map(this.#changes.revisions)
    const confirmedAt = new Date(Date.now() - (this.#changes.confirmedAgeMs ?? 0))
    const parts: Uint8Array[] = []
    for (let from = 0; from < servers.length; from += SERVERS_PER_PART) {
      parts.push(serialize(servers.slice(from, from + SERVERS_PER_PART)))
      await setImmediate()
    }
    const stamp = createHash('sha256')
      .update(`${Math.floor(confirmedAt.getTime() / REFRESH_MS)} `)
      .update(JSON.stringify([...revisions].toSorted(([one], [other]) => (one < other ? -1 : 1))))
      .digest('base64url')
    return { stamp, value: { confirmedAt, revisions, others, parts } satisfies StoredRoutes }
  }
}

/** Revisions only grow: the more of them, the newer. */
const changesIn = ({ revisions }: StoredRoutes): number => {
  let changes = 0
  for (const revision of revisions.values()) changes += revision
  return changes
}
