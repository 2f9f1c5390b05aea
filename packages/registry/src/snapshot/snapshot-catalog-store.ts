import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { deserialize, serialize } from 'node:v8'

import type { ServerSettings } from '@mreg/core'
import { DatabaseUnavailableError } from '@mreg/db-pool'

import type {
  CatalogStore,
  KeptCatalog,
  KeptOffer,
  KeptServer,
  OfferOwner,
} from '../catalog/catalog-store.ts'
import type { Definition } from '../catalog/definition.ts'
import { type ExposedNameRecord, ExposedNames } from '../catalog/exposed-names.ts'
import type { ChangeFeed } from '../change-feed.ts'
import type { SnapshotContent, SnapshotWriter } from './snapshot-writer.ts'

export interface SnapshotCatalogStoreOptions {
  /** In the database. */
  readonly store: CatalogStore
  readonly changes: ChangeFeed
  readonly writer: SnapshotWriter
  /** The most principals whose own lists are kept as well; whoever changed longest ago goes first. Default 1000. */
  readonly maxPrincipals?: number | undefined
}

/** What is to be shown, of one tenant to everybody, or to one principal. */
interface Shown {
  names: ExposedNames
  readonly offers: Map<string, readonly Definition[]>
  /** When each server offered that last, as far as it is known. */
  readonly seenAt: Map<string, Date>
}

/** Of one server, as it is written: which, what, and when it was seen last. */
type StoredOffer = readonly [serverId: string, definitions: readonly Definition[], seenAt?: Date]

/** As it is written. Offers in parts, so that nobody waits until all of them have been put into bytes. */
interface StoredCatalog {
  readonly savedAt: Date
  readonly parts: readonly Uint8Array[]
  readonly names: readonly ExposedNameRecord[]
}

/**
 * The catalogs of the database, and while that is away the last that was known of them. What somebody switched off, or waits for
 * an approval, is in neither.
 */
export class SnapshotCatalogStore implements CatalogStore {
  readonly #options: SnapshotCatalogStoreOptions
  readonly #shown = new Map<string, Shown>()

  constructor(options: SnapshotCatalogStoreOptions) {
    this.#options = options
    options.changes.onDelta(({ removed }) => {
      for (const { tenantId, serverId } of removed) this.#forget(tenantId, serverId)
    })
  }

  async load(tenantId: string, serverIds: readonly string[]): Promise<KeptCatalog> {
    const kept = await this.#fromDatabase(() => this.#options.store.load(tenantId, serverIds))
    const name = nameOf(tenantId, '')
    if (kept !== undefined) {
      const names = new ExposedNames()
      for (const each of kept.names) names.learn(each)
      const offers = new Map(kept.offers.map(({ serverId, definitions }) => [serverId, definitions]))
      const seenAt = new Map(kept.offers.flatMap(({ serverId, seenAt: at }) => (at ? [[serverId, at]] : [])))
      this.#keep(name, { names, offers, seenAt })
      return kept
    }
    const { names, offers, seenAt } = await this.#read(name)
    const wanted = new Set(serverIds)
    const known = [...offers].filter(([serverId]) => wanted.has(serverId))
    return {
      names: [...names.all()],
      offers: known.map(([serverId, definitions]): KeptOffer => ({
        serverId,
        definitions,
        seenAt: seenAt.get(serverId),
      })),
    }
  }

  async loadServer(tenantId: string, owner: OfferOwner, known: readonly Definition[]): Promise<KeptServer> {
    const kept = await this.#fromDatabase(() => this.#options.store.loadServer(tenantId, owner, known))
    const name = nameOf(tenantId, owner.scopeKey)
    const shown = this.#shown.get(name) ?? (await this.#read(name))
    if (kept === undefined) {
      const names = [...shown.names.all()].filter(({ slug }) => slug === owner.slug)
      return { names, definitions: shown.offers.get(owner.serverId) }
    }
    for (const each of kept.names) shown.names.learn(each)
    if (kept.definitions !== undefined) shown.offers.set(owner.serverId, kept.definitions)
    this.#keep(name, shown)
    return kept
  }

  async save(
    tenantId: string,
    owner: OfferOwner,
    definitions: readonly Definition[],
    names: ExposedNames,
  ): Promise<readonly Definition[]> {
    const given = await this.#options.store.save(tenantId, owner, definitions, names)
    const name = nameOf(tenantId, owner.scopeKey)
    const shown = this.#shown.get(name) ?? (await this.#read(name))
    shown.names = names
    shown.offers.set(owner.serverId, given)
    shown.seenAt.set(owner.serverId, new Date())
    this.#keep(name, shown)
    return given
  }

  mayHold(settings: ServerSettings): boolean {
    return this.#options.store.mayHold(settings)
  }

  /** What the database says; undefined: it is away. One that has never answered is not waited for. */
  async #fromDatabase<Kept>(ask: () => Promise<Kept>): Promise<Kept | undefined> {
    if (!this.#options.changes.isLoaded) return undefined
    try {
      return await ask()
    } catch (error) {
      if (DatabaseUnavailableError.is(error)) return undefined
      throw error
    }
  }

  #keep(name: string, shown: Shown): void {
    this.#shown.delete(name)
    this.#shown.set(name, shown)
    this.#options.writer.put(name, () => contentOf(shown))
    const own = [...this.#shown.keys()].filter((each) => each.split('/').length > OF_EVERYBODY)
    const [oldest] = own
    if (oldest === undefined || own.length <= (this.#options.maxPrincipals ?? 1000)) return
    this.#shown.delete(oldest)
    this.#options.writer.drop(oldest)
  }

  async #read(name: string): Promise<Shown> {
    const found = await this.#options.writer.read<StoredCatalog>(name)
    const [newest] = found.toSorted((one, other) => other.savedAt.getTime() - one.savedAt.getTime())
    const names = new ExposedNames()
    for (const each of newest?.names ?? []) names.learn(each)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- authenticated: it was written below
    const parts = newest?.parts.map((part) => deserialize(part) as StoredOffer) ?? []
    const shown: Shown = {
      names,
      offers: new Map(parts.map(([serverId, definitions]) => [serverId, definitions])),
      seenAt: new Map(parts.flatMap(([serverId, , at]) => (at === undefined ? [] : [[serverId, at]]))),
    }
    // Somebody may have asked for the same meanwhile.
    const known = this.#shown.get(name)
    if (known === undefined) this.#shown.set(name, shown)
    return known ?? shown
  }

  #forget(tenantId: string, serverId: string): void {
    const shared = nameOf(tenantId, '')
    for (const [name, shown] of this.#shown)
      if ((name === shared || name.startsWith(`${shared}/`)) && shown.offers.delete(serverId)) {
        shown.seenAt.delete(serverId)
        this.#keep(name, shown)
      }
  }
}

const OF_EVERYBODY = 2

const nameOf = (tenantId: string, scopeKey: string | undefined): string =>
  ['catalog', tenantId, ...(scopeKey === undefined || scopeKey === '' ? [] : [scopeKey])]
    .map((part) => encodeURIComponent(part))
    .join('/')

const HOUR_MS = 3_600_000

const contentOf = async ({ names, offers, seenAt }: Shown): Promise<SnapshotContent> => {
  const digest = createHash('sha256')
  const parts: Uint8Array[] = []
  for (const offer of [...offers].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    const [serverId, definitions] = offer
    const at = seenAt.get(serverId)
    // Not written again for every look.
    const hour = Math.floor((at?.getTime() ?? 0) / HOUR_MS)
    digest.update(`${serverId} ${hour} ${definitions.map(({ name, hash }) => `${name} ${hash}`).join(' ')}\n`)
    parts.push(serialize([serverId, definitions, at]))
    await setImmediate()
  }
  const value: StoredCatalog = { savedAt: new Date(), parts, names: [...names.all()] }
  return { stamp: digest.digest('base64url'), value }
}
