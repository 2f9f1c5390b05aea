import { type Logger, type Principal, type ServerStatus } from '@mreg/core'
import {
  type CatalogServer,
  type CatalogStore,
  type Definition,
  type DefinitionKind,
  ExposedNames,
  MergedCatalog,
} from '@mreg/registry'

import type { ServerRoute } from '../route-table.ts'
import { listChanges } from './list-changes.ts'
import { type OfferLimits, readOffer, type ReadOfferOptions } from './read-offer.ts'

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
    /** Between two looks at a server that did not answer, at first, in milliseconds; doubles up to `refreshMs`. */
    readonly retryMs: number
  }
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
  readonly ending: AbortController
}

/**
 * What the servers of one tenant offer, as last known good: asked in the background, each with a deadline of its own, so that
 * whoever wants a list waits for no server. What a server offered stays while it is away.
 */
export class TenantCatalog implements Disposable {
  readonly #options: TenantCatalogOptions
  readonly #names = new ExposedNames()
  readonly #followed = new Map<string, Followed>()
  readonly #waiting: (() => void)[] = []
  #running = 0
  #isReady = false
  #catalog = MergedCatalog.empty
  readonly #loaded: Promise<void>

  /** @param routes the servers of the tenant. */
  constructor(options: TenantCatalogOptions, routes: readonly ServerRoute[]) {
    this.#options = options
    this.#loaded = this.#load(routes.map(({ server }) => server.id))
    this.follow(routes)
  }

  get catalog(): MergedCatalog {
    return this.#catalog
  }

  /** Takes over which servers there are. New and changed ones are asked at once. */
  follow(routes: readonly ServerRoute[]): void {
    const ids = new Set(routes.map(({ server }) => server.id))
    for (const [id, followed] of this.#followed) if (!ids.has(id)) this.#drop(id, followed)
    for (const route of routes) {
      const followed = this.#followed.get(route.server.id)
      if (followed === undefined) this.#begin(route)
      else if (followed.route.server.revision !== route.server.revision) {
        followed.route = route
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

  /** The name under which clients know a URI of a server; undefined when it is in no list. */
  exposedUri(slug: string, uri: string): string | undefined {
    return this.#names.find('resource', slug, uri)
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
    const { logger, principal, store } = this.#options
    if (store === undefined) return
    try {
      const { names, offers } = await store.load(principal.tenantId, serverIds)
      for (const name of names) this.#names.learn(name)
      for (const { serverId, definitions } of offers) {
        const followed = this.#followed.get(serverId)
        if (followed === undefined) continue
        followed.known = { serverId, slug: followed.route.server.slug, definitions }
        this.#catalog = this.#catalog.with(followed.known, this.#names)
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      logger.warn('what servers offered before could not be read', { reason })
    }
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
    await this.#turn()
    try {
      await this.#lookNow(followed)
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }

  async #turn(): Promise<void> {
    if (this.#running >= this.#options.limits.maxConcurrentLists)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#running += 1
  }

  async #lookNow(followed: Followed): Promise<void> {
    const { ask, limits, logger, principal, timeouts } = this.#options
    const { server } = followed.route
    if (followed.ending.signal.aborted) return
    const named = { serverId: server.id, slug: server.slug }
    let next: CatalogServer
    try {
      const signal = AbortSignal.any([followed.ending.signal, AbortSignal.timeout(timeouts.listMs)])
      const asked = readOffer({ ask, slug: server.slug, principal, limits, signal })
      const definitions = await this.#kept(followed, await withSignal(asked, signal))
      followed.failures = 0
      followed.failingSince = undefined
      next = { ...named, definitions }
    } catch (error) {
      if (followed.ending.signal.aborted) return
      followed.failures += 1
      followed.failingSince ??= new Date()
      const reason = error instanceof Error ? error.message : String(error)
      logger.debug('a server did not say what it offers', { server: server.slug, reason })
      const { failingSince: since } = followed
      next = { ...named, definitions: followed.known?.definitions ?? [], unavailable: { since, reason } }
    }
    const kinds = changedKinds(followed.known, next)
    followed.known = next
    this.#catalog = this.#catalog.with(next, this.#names)
    if (kinds.size > 0) this.#options.onChange(kinds)
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

  /** What of an offer is to be shown, after it was kept. The database may be away: then all of it, under the names known here. */
  async #kept(followed: Followed, definitions: readonly Definition[]): Promise<readonly Definition[]> {
    const { logger, principal, store } = this.#options
    const { id: serverId, slug } = followed.route.server
    if (store === undefined) return definitions
    const known = followed.known?.definitions
    if (known !== undefined && followed.isKept && isSameOffer(followed.offered, definitions)) return known
    try {
      const shown = await store.save(principal.tenantId, { serverId, slug }, definitions, this.#names)
      followed.isKept = true
      followed.offered = definitions
      return shown
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      logger.warn('what a server offers could not be kept', { server: slug, reason })
      return definitions
    }
  }

  #lookLater(followed: Followed): void {
    const { refreshMs, retryMs } = this.#options.timeouts
    const pauseMs =
      followed.failures === 0 ? refreshMs : Math.min(refreshMs, retryMs * 2 ** (followed.failures - 1))
    clearTimeout(followed.timer)
    // Lest all servers be asked at the same time.
    const inMs = pauseMs * (0.75 + Math.random() / 2)
    followed.timer = setTimeout(() => this.look(followed.route.server.id), inMs).unref()
  }
}

const isSameOffer = (one: readonly Definition[], other: readonly Definition[]): boolean =>
  one.length === other.length && one.every(({ hash }, index) => hash === other[index]?.hash)

/** Of which kinds a server offers something else than before. */
const changedKinds = (
  before: CatalogServer | undefined,
  after: CatalogServer,
): ReadonlySet<DefinitionKind> => {
  const were = new Map(before?.definitions.map(({ kind, name, hash }) => [`${kind} ${name}`, { kind, hash }]))
  const kinds = new Set<DefinitionKind>()
  for (const { kind, name, hash } of after.definitions) {
    const key = `${kind} ${name}`
    if (were.get(key)?.hash !== hash) kinds.add(kind)
    were.delete(key)
  }
  for (const { kind } of were.values()) kinds.add(kind)
  return kinds
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
