import type { DatabasePool, TenantSession } from '@mreg/db-pool'
import {
  type CapabilityRecord,
  CapabilityRepository,
  ExposedNameRepository,
  type RegistryDatabase,
} from '@mreg/repositories'

import { type Definition, DEFINITION_KINDS, type DefinitionKind } from './definition.ts'
import type { ExposedNameRecord, ExposedNames } from './exposed-names.ts'

/** What a server offered when it was asked last. */
export interface KeptOffer {
  readonly serverId: string
  readonly definitions: readonly Definition[]
}

/** What was known of a tenant's servers before this process began. */
export interface KeptCatalog {
  readonly names: readonly ExposedNameRecord[]
  readonly offers: readonly KeptOffer[]
}

/** Keeps what servers offer beyond the life of a process. */
export interface CatalogStore {
  /** What is kept of these servers, and every name that was given in the tenant. */
  load(tenantId: string, serverIds: readonly string[]): Promise<KeptCatalog>
  /**
   * Keeps what a server offers now, and gives names to what has none.
   *
   * @param names the names as they are known here; learns what was given, here or by others.
   * @returns what of it is to be shown: nothing that was switched off, or waits for an approval.
   */
  save(
    tenantId: string,
    server: { readonly serverId: string; readonly slug: string },
    definitions: readonly Definition[],
    names: ExposedNames,
  ): Promise<readonly Definition[]>
}

type Session = TenantSession<RegistryDatabase>

/** How many rows one page of a list has. */
const PAGE = 200
/** A definition that differs from what was approved is served all the same, and marked. */
const CONTROL = { onNew: 'accepted', onChange: 'changed' } as const
/** Names and URIs longer than this are not kept, nor shown. */
const MAX_NAME_BYTES = 1024

/** Keeps catalogs in the registry's database. */
export class DatabaseCatalogStore implements CatalogStore {
  readonly #database: DatabasePool<RegistryDatabase>

  constructor(database: DatabasePool<RegistryDatabase>) {
    this.#database = database
  }

  load(tenantId: string, serverIds: readonly string[]): Promise<KeptCatalog> {
    return this.#database.tenantSession(tenantId, async (session) => {
      const names = await allPages((cursor) =>
        new ExposedNameRepository(session).list({ limit: PAGE, cursor }),
      )
      const offers: KeptOffer[] = []
      for (const serverId of serverIds) offers.push(await offerOf(session, serverId))
      return { names, offers: offers.filter(({ definitions }) => definitions.length > 0) }
    })
  }

  save(
    tenantId: string,
    { serverId, slug }: { readonly serverId: string; readonly slug: string },
    definitions: readonly Definition[],
    names: ExposedNames,
  ): Promise<readonly Definition[]> {
    const storable = definitions.filter(({ name }) => isStorable(name))
    return this.#database.tenantSession(tenantId, async (session) => {
      const capabilities = new CapabilityRepository(session)
      for (const kind of DEFINITION_KINDS) {
        const ofKind = storable.filter((definition) => definition.kind === kind)
        const offered = ofKind.map(({ name, hash, bytes: body }) => ({ name, hash, body }))
        await capabilities.observe({ serverId, scopeKey: '', kind }, uniquely(offered), CONTROL)
        await giveNames(session, kind, slug, ofKind, names)
      }
      const hidden = new Set((await recordsOf(session, serverId)).filter(isHidden).map(keyOf))
      return storable.filter((definition) => !hidden.has(keyOf(definition)))
    })
  }
}

const offerOf = async (session: Session, serverId: string): Promise<KeptOffer> => {
  const records = (await recordsOf(session, serverId)).filter((record) => !isHidden(record))
  const hashes = records.map(({ observedHash }) => observedHash)
  const bodies = await new CapabilityRepository(session).definitions(hashes)
  const definitions = records.flatMap(({ kind, name, observedHash: hash }) => {
    const bytes = bodies.get(hash)
    return bytes === undefined ? [] : [{ kind, name, bytes, hash }]
  })
  return { serverId, definitions }
}

/** What the first server asks for it gets; what somebody else has by now is asked for under another name. */
const giveNames = async (
  session: Session,
  kind: DefinitionKind,
  slug: string,
  definitions: readonly Definition[],
  names: ExposedNames,
): Promise<void> => {
  const repository = new ExposedNameRepository(session)
  let originals = definitions
    .map(({ name }) => name)
    .filter((name) => names.find(kind, slug, name) === undefined)
  for (let round = 0; round < 2 && originals.length > 0; round += 1) {
    const wanted = new Map(
      originals.flatMap((original) => {
        const exposed = names.propose(kind, slug, original, round > 0)
        return exposed === undefined ? [] : [[original, exposed] as const]
      }),
    )
    const given = await repository.claim(kind, slug, wanted)
    for (const [original, exposed] of given) names.learn({ kind, slug, original, exposed })
    originals = originals.filter((original) => !given.has(original))
  }
}

const recordsOf = (session: Session, serverId: string): Promise<readonly CapabilityRecord[]> =>
  allPages((cursor) => new CapabilityRepository(session).listForServer(serverId, { limit: PAGE, cursor }))

const allPages = async <Item>(
  page: (
    cursor: string | undefined,
  ) => Promise<{ readonly items: readonly Item[]; readonly nextCursor?: string | undefined }>,
): Promise<readonly Item[]> => {
  const items: Item[] = []
  let cursor: string | undefined
  do {
    const { items: found, nextCursor } = await page(cursor)
    items.push(...found)
    cursor = nextCursor
  } while (cursor !== undefined)
  return items
}

const isHidden = ({ state }: CapabilityRecord): boolean =>
  state === 'gone' || state === 'disabled' || state === 'quarantined'

const keyOf = ({ kind, name }: { readonly kind: DefinitionKind; readonly name: string }): string =>
  `${kind} ${name}`

const isStorable = (name: string): boolean =>
  name !== '' && Buffer.byteLength(name) <= MAX_NAME_BYTES && !name.includes('\0') && name.isWellFormed()

/** A list that names something twice has it once: the first is meant. */
const uniquely = <Item extends { readonly name: string }>(items: readonly Item[]): readonly Item[] => [
  ...new Map(items.toReversed().map((item) => [item.name, item])).values(),
]
