import { type Logger, type Principal, type ServerStatus } from '@mreg/core'
import {
  type CatalogServer,
  type CatalogStore,
  type Definition,
  type DefinitionKind,
  type ExposedNameRecord,
  ExposedNames,
  type KeptOffer,
  MergedCatalog,
  needsLogin,
  type OfferOwner,
} from '@mreg/registry'

import type { ServerRoute } from '../route-table.ts'
import { listChanges } from './list-changes.ts'
import { ListQueue } from './list-queue.ts'
import { changedKinds, isSameOffer } from './offer-changes.ts'
import { OfferError, type OfferLimits, readOffer, type ReadOfferOptions } from './read-offer.ts'

export interface TenantCatalogOptions {
  readonly ask: ReadOfferOptions['ask']
  /** For whom the servers are asked. */
  readonly principal: Principal
  readonly limits: OfferLimits & {
    /** Servers asked at once. */
    readonly maxConcurrentLists: number
  }
  readonly timeouts: {
    /** For one server to say all that it offers, in milliseconds. */
    readonly listMs: number
    /** Between two looks at a server that works, in milliseconds. */
    readonly refreshMs: number
    /** How long what a server offered is shown while it is away, in milliseconds. */
    readonly maxAwayMs: number
    /** Between two looks at a server that did not answer, at first, in milliseconds; doubles up to `refreshMs`. */
    readonly retryMs: number
  }
  /** Whose the lists are, if they are one principal's alone; undefined: everybody's. */
  readonly own?:
    | {
        /** Stands for the principal. */
        readonly scopeKey: string
        /** What everybody in the tenant sees: the names are given there. */
        readonly shared: TenantCatalog
      }
    | undefined
  /** Keeps what servers offer; undefined: it is forgotten with the process. */
  readonly store?: CatalogStore | undefined
  readonly logger: Logger
  /** Is told which lists have changed. */
  readonly onChange: (kinds: ReadonlySet<DefinitionKind>) => void
}

/** One server, and what is going on with it. */
interface Followed {
  route: ServerRoute
  /** What it offered last; undefined: it has never said. */
  known: CatalogServer | undefined
  failures: number
  failingSince: Date | undefined
  /** The look that is under way. */
  look: Promise<void> | undefined
  /** Whether another look is wanted after it. */
  isAwaited: boolean
  /** Whether it is heard when the server says that its lists have changed. */
  isHeard: boolean
  timer: NodeJS.Timeout | undefined
  /** What it said last, whether it is shown or not. */
  offered: readonly Definition[]
  isKept: boolean
  /** What is kept is being read again. */
  reload: Promise<void> | undefined
  /** Whether it has changed since that reading began. */
  isOutdated: boolean
  readonly ending: AbortController
}

/**
 * What the servers of one tenant offer, to everybody or to one principal, as last known good: asked in the background, each with a deadline of its own, so that
 * whoever wants a list waits for no server. What a server offered stays while it is away.
 */
export class TenantCatalog implements Disposable {
  readonly #options: TenantCatalogOptions
  readonly #names: ExposedNames
  readonly #followed = new Map<string, Followed>()
  readonly #queue: ListQueue
  #serverIds: ReadonlySet<string> = new Set()
  #isReady = false
  #catalog = MergedCatalog.empty
  readonly #loaded: Promise<void>

  /** @param routes the servers that are asked. */
  constructor(options: TenantCatalogOptions, routes: readonly ServerRoute[]) {
    this.#options = options
    const { own } = options
    this.#names = own === undefined ? new ExposedNames() : own.shared.#names
    this.#queue = own === undefined ? new ListQueue(options.limits.maxConcurrentLists) : own.shared.#queue
    this.#loaded = this.#load(routes.map(({ server }) => server.id))
    this.follow(routes)
  }

  get catalog(): MergedCatalog {
    return this.#catalog
  }

  /** The servers that are asked. */
  get serverIds(): ReadonlySet<string> {
    return this.#serverIds
  }

  /** Stands for the principal whose lists these are; empty: they are everybody's. */
  get scopeKey(): string {
    return this.#options.own?.scopeKey ?? ''
  }

  /** Takes over which servers there are. New and changed ones are asked at once. */
  follow(routes: readonly ServerRoute[]): void {
    const ids = new Set(routes.map(({ server }) => server.id))
    this.#serverIds = ids
    for (const [id, followed] of this.#followed) if (!ids.has(id)) this.#drop(id, followed)
    for (const route of routes) {
      const followed = this.#followed.get(route.server.id)
      if (followed === undefined) this.#begin(route)
      else if (followed.route.server.revision !== route.server.revision) {
        followed.route = route
        this.#tag(followed)
        // Another policy may be set.
        followed.isKept = false
        this.look(route.server.id)
      }
    }
  }

  /** Waits until something is known of every server, or for so many milliseconds. */
  async ready(timeoutMs: number): Promise<void> {
    if (this.#isReady) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs)
    })
    const looks = this.#loaded.then(() => Promise.all(this.#firstLooks()))
    await Promise.race([looks, late])
    clearTimeout(timer)
    // Whoever could not be waited for is not waited for again.
    this.#isReady = true
  }

  /** Asks a server again, now; once more after a look under way, which may have seen what was before. */
  look(serverId: string): void {
    const followed = this.#followed.get(serverId)
    if (followed === undefined) return
    clearTimeout(followed.timer)
    if (followed.look !== undefined) {
      followed.isAwaited = true
      return
    }
    followed.look = this.#look(followed).finally(() => {
      followed.look = undefined
      if (!followed.isAwaited) return
      followed.isAwaited = false
      this.look(serverId)
    })
  }

  /** A server is doing better or worse. */
  statusChanged(serverId: string, status: ServerStatus): void {
    const followed = this.#followed.get(serverId)
    if (followed !== undefined && followed.failures > 0 && status === 'healthy') this.look(serverId)
  }

  /**
   * Another process, or somebody's decision, has changed what is kept of a server: takes it over, and asks nobody. Reloads of one
   * server follow each other, so that the last one is the last word.
   */
  reload(serverId: string): void {
    const followed = this.#followed.get(serverId)
    const { store } = this.#options
    if (followed === undefined || store === undefined) return
    followed.isOutdated = true
    followed.reload ??= this.#reload(followed, store).finally(() => {
      followed.reload = undefined
    })
  }

  /** Anything may have changed in what is kept. */
  reloadAll(): void {
    for (const [serverId, { failures, isKept, known }] of this.#followed) {
      this.reload(serverId)
      // What it said while nothing could be kept.
      if (known !== undefined && failures === 0 && !isKept) this.look(serverId)
    }
  }

  /** As {@link reload}, when it is not known whether this is about these lists: they are compared when the server is asked next. */
  doubt(serverId: string): void {
    const followed = this.#followed.get(serverId)
    if (followed !== undefined) followed.isKept = false
  }

  /** Somebody has logged in for a server, or is not logged in any more. */
  loginChanged(serverId: string): void {
    if (this.#followed.has(serverId)) this.look(serverId)
  }

  /** The name under which clients know a URI of a server; undefined when it is in no list. */
  exposedUri(slug: string, uri: string): string | undefined {
    return this.#names.find('resource', slug, uri)
  }

  /** Whose something is that clients know under a name, whether it is offered still or not; undefined: nobody's. */
  ownerOfName(kind: DefinitionKind, exposed: string): ExposedNameRecord | undefined {
    return this.#names.ownerOf(kind, exposed)
  }

  [Symbol.dispose](): void {
    for (const followed of this.#followed.values()) {
      clearTimeout(followed.timer)
      followed.ending.abort()
    }
    this.#followed.clear()
  }

  /** The looks at servers of which nothing is known yet. */
  #firstLooks(): readonly Promise<void>[] {
    return [...this.#followed.values()].flatMap(({ known, failures, look }) =>
      known === undefined && failures === 0 && look !== undefined ? [look] : [],
    )
  }

  /** Takes over what was kept before this process began. */
  async #load(serverIds: readonly string[]): Promise<void> {
    const { logger, own, store } = this.#options
    // Whose names are not known yet would be given others.
    if (own !== undefined) await own.shared.#loaded
    if (store === undefined) return
    try {
      const offers = await this.#offers(store, serverIds)
      for (const { serverId, definitions } of offers) {
        const followed = this.#followed.get(serverId)
        if (followed === undefined) continue
        followed.known = { ...namedBy(followed), definitions }
        this.#catalog = this.#catalog.with(followed.known, this.#names)
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      logger.warn('what servers offered before could not be read', { reason })
    }
  }

  /** Takes over what is kept of these servers. */
  async #offers(store: CatalogStore, serverIds: readonly string[]): Promise<readonly KeptOffer[]> {
    const { tenantId } = this.#options.principal
    if (this.scopeKey === '') {
      const { names, offers } = await store.load(tenantId, serverIds)
      for (const name of names) this.#names.learn(name)
      return offers
    }
    const offers: KeptOffer[] = []
    for (const serverId of serverIds) {
      const followed = this.#followed.get(serverId)
      if (followed === undefined) continue
      const { names, definitions } = await store.loadServer(tenantId, this.#ownerOf(followed), [])
      for (const name of names) this.#names.learn(name)
      if (definitions !== undefined) offers.push({ serverId, definitions })
    }
    return offers
  }

  #ownerOf({ route: { server } }: Followed): OfferOwner {
    return { serverId: server.id, slug: server.slug, scopeKey: this.scopeKey }
  }

  async #reload(followed: Followed, store: CatalogStore): Promise<void> {
    const { logger, principal } = this.#options
    const { slug } = followed.route.server
    await this.#loaded
    while (followed.isOutdated && !followed.ending.signal.aborted) {
      followed.isOutdated = false
      try {
        const known = [...(followed.known?.definitions ?? []), ...followed.offered]
        const { tenantId } = principal
        const { names, definitions } = await store.loadServer(tenantId, this.#ownerOf(followed), known)
        if (definitions === undefined || followed.ending.signal.aborted) return
        for (const name of names) this.#names.learn(name)
        const next = { ...followed.known, ...namedBy(followed), definitions }
        if (this.#take(followed, next).size > 0) followed.isKept = false
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        logger.warn('what another process learned of a server could not be read', { server: slug, reason })
      }
    }
  }

  /** What is selected by tag is another thing when the tags are others. */
  #tag(followed: Followed): void {
    const { known, route } = followed
    if (known === undefined || String(known.tags) === String(route.server.tags)) return
    followed.known = { ...known, ...namedBy(followed) }
    this.#catalog = this.#catalog.with(followed.known, this.#names)
    this.#options.onChange(new Set(known.definitions.map(({ kind }) => kind)))
  }

  /** Shows what a server offers from now on. Gives the kinds of which it is something else than before. */
  #take(followed: Followed, next: CatalogServer): ReadonlySet<DefinitionKind> {
    const kinds = changedKinds(followed.known, next)
    followed.known = next
    this.#catalog = this.#catalog.with(next, this.#names)
    if (kinds.size > 0) this.#options.onChange(kinds)
    return kinds
  }

  #begin(route: ServerRoute): void {
    this.#isReady = false
    this.#followed.set(route.server.id, {
      route,
      known: undefined,
      failures: 0,
      failingSince: undefined,
      look: undefined,
      isAwaited: false,
      isHeard: false,
      timer: undefined,
      offered: [],
      isKept: false,
      reload: undefined,
      isOutdated: false,
      ending: new AbortController(),
    })
    this.look(route.server.id)
  }

  #drop(serverId: string, { timer, ending, known }: Followed): void {
    clearTimeout(timer)
    ending.abort()
    this.#followed.delete(serverId)
    this.#catalog = this.#catalog.without(serverId)
    const kinds = new Set(known?.definitions.map(({ kind }) => kind))
    if (kinds.size > 0) this.#options.onChange(kinds)
  }

  async #look(followed: Followed): Promise<void> {
    await this.#loaded
    const endTurn = await this.#queue.turn()
    try {
      await this.#lookNow(followed)
    } finally {
      endTurn()
    }
  }

  async #lookNow(followed: Followed): Promise<void> {
    const { ask, limits, logger, principal, timeouts } = this.#options
    const { server } = followed.route
    if (followed.ending.signal.aborted) return
    let next: CatalogServer
    try {
      const signal = AbortSignal.any([followed.ending.signal, AbortSignal.timeout(timeouts.listMs)])
      const asked = readOffer({ ask, slug: server.slug, principal, limits, signal })
      const definitions = await this.#kept(followed, await withSignal(asked, signal))
      followed.failures = 0
      followed.failingSince = undefined
      next = { ...namedBy(followed), definitions }
    } catch (error) {
      if (followed.ending.signal.aborted) return
      followed.failures += 1
      followed.failingSince ??= new Date()
      const reason = error instanceof Error ? error.message : String(error)
      logger.debug('a server did not say what it offers', { server: server.slug, reason })
      const { failingSince: since } = followed
      const code = OfferError.is(error) ? error.reason : undefined
      const unavailable = { since, reason, code }
      const isShown = Date.now() - since.getTime() < timeouts.maxAwayMs
      const definitions = isShown ? (followed.known?.definitions ?? []) : []
      // It may be back with exactly that.
      if (!isShown) followed.isKept = false
      next = { ...namedBy(followed), definitions, unavailable }
    }
    this.#take(followed, next)
    if (followed.failures === 0) void this.#hear(followed)
    this.#lookLater(followed)
  }

  /** Looks again whenever the server says that a list has changed. A process is not kept for that alone. */
  async #hear(followed: Followed): Promise<void> {
    const { server, targets } = followed.route
    if (followed.isHeard || targets.some(({ endpoint }) => endpoint.transport === 'stdio')) return
    followed.isHeard = true
    const { ask, principal } = this.#options
    const { signal } = followed.ending
    try {
      for await (const _ of listChanges({ ask, slug: server.slug, principal, signal })) this.look(server.id)
    } catch {
      // Heard again after the next look.
    } finally {
      followed.isHeard = false
    }
  }

  /** What of an offer is to be shown, after it was kept. The database may be away: then what nobody has withheld as far as is known here, under the names known here. */
  async #kept(followed: Followed, definitions: readonly Definition[]): Promise<readonly Definition[]> {
    const { logger, principal, store } = this.#options
    const { slug } = followed.route.server
    if (store === undefined) return definitions
    const known = followed.known?.definitions
    if (known !== undefined && followed.isKept && isSameOffer(followed.offered, definitions)) return known
    try {
      const owner = this.#ownerOf(followed)
      const shown = await store.save(principal.tenantId, owner, definitions, this.#names)
      followed.isKept = true
      followed.offered = definitions
      return shown
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      logger.warn('what a server offers could not be kept', { server: slug, reason })
      return unkept(followed, definitions, store)
    }
  }

  #lookLater(followed: Followed): void {
    const { refreshMs, retryMs } = this.#options.timeouts
    const { failures, known } = followed
    // Who wants a login wants none of our questions: the login itself is told.
    const isSteady = failures === 0 || needsLogin(known)
    const pauseMs = isSteady ? refreshMs : Math.min(refreshMs, retryMs * 2 ** (failures - 1))
    clearTimeout(followed.timer)
    // Lest all servers be asked at the same time.
    const inMs = pauseMs * (0.75 + Math.random() / 2)
    followed.timer = setTimeout(() => this.look(followed.route.server.id), inMs).unref()
  }
}

/**
 * What is shown of an offer that could not be kept: what is withheld as it was shown before, and the same goes for everything of a
 * server of which something may have to be held.
 */
const unkept = (
  { route, known }: Followed,
  definitions: readonly Definition[],
  store: CatalogStore,
): readonly Definition[] => {
  const before = known?.definitions ?? []
  if (store.mayHold(route.server.settings)) return before
  const isWithheld = ({ kind, name }: Definition): boolean =>
    (route.withheld?.of(kind, name) ?? []).length > 0
  return [...definitions.filter((each) => !isWithheld(each)), ...before.filter(isWithheld)]
}

/** What `work` gives, unless `signal` is aborted first. */
const withSignal = async <Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> => {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(new Error('the server did not say in time what it offers'))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

const namedBy = ({ route: { server } }: Followed): Pick<CatalogServer, 'serverId' | 'slug' | 'tags'> => ({
  serverId: server.id,
  slug: server.slug,
  tags: server.tags,
})
