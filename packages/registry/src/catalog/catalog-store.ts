import {
  type ChangePolicy,
  changePolicyOf,
  type EventBus,
  type GatewayEvents,
  type Logger,
  mayHold,
  type ServerSettings,
  silentLogger,
} from '@mreg/core'
import type { DatabasePool, TenantSession } from '@mreg/db-pool'
import {
  CapabilityRepository,
  ExposedNameRepository,
  type Observation,
  type RegistryDatabase,
  ServerRepository,
} from '@mreg/repositories'

import { allPages } from './all-pages.ts'
import { changeControlOf } from './change-control.ts'
import { reportChanges, tellChanges } from './change-report.ts'
import { type Definition, DEFINITION_KINDS, type DefinitionKind } from './definition.ts'
import type { ExposedNameRecord, ExposedNames } from './exposed-names.ts'
import { inspectDefinitions } from './inspect-definitions.ts'
import { shownDefinitions } from './shown-definitions.ts'

/** What a server offered when it was asked last. */
export interface KeptOffer {
  readonly serverId: string
  readonly definitions: readonly Definition[]
  /** When the server said so last, to within an hour or two; undefined: nobody knows. */
  readonly seenAt?: Date | undefined
}

/** Which server's lists, and for whom. */
export interface OfferOwner {
  readonly serverId: string
  readonly slug: string
  /** Whose lists they are: empty or undefined for what everybody sees, else what stands for one principal. */
  readonly scopeKey?: string | undefined
}

/** What was known of a tenant's servers before this process began. */
export interface KeptCatalog {
  readonly names: readonly ExposedNameRecord[]
  readonly offers: readonly KeptOffer[]
}

/** What is kept of one server. */
export interface KeptServer {
  readonly names: readonly ExposedNameRecord[]
  /** What is to be shown; undefined: it has never said what it offers. */
  readonly definitions: readonly Definition[] | undefined
}

/** Keeps what servers offer beyond the life of a process. */
export interface CatalogStore {
  /** What is kept of these servers for everybody, and every name that was given in the tenant. */
  load(tenantId: string, serverIds: readonly string[]): Promise<KeptCatalog>
  /**
   * What is kept of one server, and the names of what it has.
   *
   * @param known definitions that need not be read again, whether they are still offered or not.
   */
  loadServer(tenantId: string, server: OfferOwner, known: readonly Definition[]): Promise<KeptServer>
  /**
   * Keeps what a server offers now, and gives names to what has none.
   *
   * @param names the names as they are known here; learns what was given, here or by others.
   * @returns what of it is to be shown: nothing that was switched off, or waits for an approval.
   */
  save(
    tenantId: string,
    server: OfferOwner,
    definitions: readonly Definition[],
    names: ExposedNames,
  ): Promise<readonly Definition[]>
  /** Whether something of a server with these settings may have to be held: nothing of it is to be shown before it was kept. */
  mayHold(settings: ServerSettings): boolean
}

type Session = TenantSession<RegistryDatabase>

/** Names and URIs longer than this are not kept, nor shown. */
const MAX_NAME_BYTES = 1024

export interface DatabaseCatalogStoreOptions {
  /** What becomes of definitions that nobody has approved, unless a server has a policy of its own. */
  readonly changes: ChangePolicy
  /** Is told when a server has changed what it offers; undefined: nobody is. */
  readonly events?: EventBus<GatewayEvents> | undefined
  readonly logger?: Logger | undefined
  /**
   * Waits until this process knows what was written, so that nothing that is not listed any more is called; undefined: it will know
   * at some time.
   */
  readonly catchUp?: (() => Promise<void>) | undefined
}

/** Keeps catalogs in the registry's database. */
export class DatabaseCatalogStore implements CatalogStore {
  readonly #database: DatabasePool<RegistryDatabase>
  readonly #options: DatabaseCatalogStoreOptions

  constructor(database: DatabasePool<RegistryDatabase>, options: DatabaseCatalogStoreOptions) {
    this.#database = database
    this.#options = options
  }

  load(tenantId: string, serverIds: readonly string[]): Promise<KeptCatalog> {
    return this.#database.tenantSession(tenantId, async (session) => {
      const names = await allPages((page) => new ExposedNameRepository(session).list(page))
      const settings = await new ServerRepository(session).settingsOf(serverIds)
      const offers: KeptOffer[] = []
      for (const serverId of serverIds) {
        const policy = changePolicyOf(settings.get(serverId) ?? {}, this.#options.changes)
        const shown = await shownDefinitions(session, { serverId, scopeKey: '' }, policy)
        if (shown !== undefined) offers.push({ serverId, ...shown })
      }
      return { names, offers }
    })
  }

  loadServer(
    tenantId: string,
    { serverId, slug, scopeKey = '' }: OfferOwner,
    known: readonly Definition[],
  ): Promise<KeptServer> {
    return this.#database.tenantSession(tenantId, async (session) => {
      const settings = await new ServerRepository(session).settingsOf([serverId])
      const policy = changePolicyOf(settings.get(serverId) ?? {}, this.#options.changes)
      return {
        names: await new ExposedNameRepository(session).ofServer(slug),
        definitions: (await shownDefinitions(session, { serverId, scopeKey }, policy, known))?.definitions,
      }
    })
  }

  mayHold(settings: ServerSettings): boolean {
    return mayHold(changePolicyOf(settings, this.#options.changes))
  }

  async save(
    tenantId: string,
    { serverId, slug, scopeKey = '' }: OfferOwner,
    definitions: readonly Definition[],
    names: ExposedNames,
  ): Promise<readonly Definition[]> {
    const storable = definitions.filter(({ name }) => isStorable(name))
    const { shown, report } = await this.#database.tenantSession(tenantId, async (session) => {
      const capabilities = new CapabilityRepository(session)
      const settings = await new ServerRepository(session).settingsOf([serverId])
      const policy = changePolicyOf(settings.get(serverId) ?? {}, this.#options.changes)
      const observations = new Map<DefinitionKind, Observation>()
      for (const kind of DEFINITION_KINDS) {
        const ofKind = uniquely(storable.filter((definition) => definition.kind === kind))
        const offered = await inspectDefinitions(session, { serverId, scopeKey, kind }, ofKind)
        const list = { serverId, scopeKey, kind }
        observations.set(kind, await capabilities.observe(list, offered, changeControlOf(policy)))
        await giveNames(session, kind, slug, ofKind, names)
      }
      return {
        shown: (await shownDefinitions(session, { serverId, scopeKey }, policy, storable))?.definitions ?? [],
        report: await reportChanges(session, { tenantId, serverId, slug }, observations),
      }
    })
    const { catchUp, events, logger = silentLogger } = this.#options
    if (report !== undefined) {
      tellChanges(report, { events, logger })
      await catchUp?.().catch((error: unknown) =>
        logger.warn('what is withheld of a server will be known later', { server: slug, error }),
      )
    }
    return shown
  }
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

const isStorable = (name: string): boolean =>
  name !== '' && Buffer.byteLength(name) <= MAX_NAME_BYTES && !name.includes('\0') && name.isWellFormed()

/** A list that names something twice has it once: the first is meant. */
const uniquely = <Item extends { readonly name: string }>(items: readonly Item[]): readonly Item[] => [
  ...new Map(items.toReversed().map((item) => [item.name, item])).values(),
]
