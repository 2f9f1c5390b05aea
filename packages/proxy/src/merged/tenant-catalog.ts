import type { Logger, ServerStatus } from '@mreg/core'
import {
  type CatalogServer,
  type CatalogStore,
  type DefinitionKind,
  type ExposedNameRecord,
  ExposedNames,
  type KeptOffer,
  MergedCatalog,
} from '@mreg/registry'

import type { ServerRoute } from '../route-table.ts'
import { FollowedServer, type FollowedServerOptions } from './followed-server.ts'
import { changedKinds } from './offer-changes.ts'
import { OfferKeeper } from './offer-keeper.ts'
import { settledWithin } from './settled-within.ts'

export interface TenantCatalogOptions extends Pick<
  FollowedServerOptions,
  'ask' | 'limits' | 'looks' | 'principal' | 'processesOf' | 'queue' | 'timeouts'
> {
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

/** How many times as long as for servers is waited for what was kept: without it nothing can be said at all. */
const LOAD_PATIENCE = 4

/**
 * What the servers of one tenant offer, to everybody or to one principal, as last known good, so that whoever wants a list waits for
 * no server.
 */
export class TenantCatalog implements Disposable {
  readonly #options: TenantCatalogOptions
  readonly #names: ExposedNames
  readonly #followed = new Map<string, FollowedServer>()
  #serverIds: ReadonlySet<string> = new Set()
  #catalog = MergedCatalog.empty
  readonly #loaded: Promise<void>

  /**
   * @param routes the servers that are asked.
   * @param isWanted whether processes may be started for that at once; false: only when somebody wants a list.
   */
  constructor(options: TenantCatalogOptions, routes: readonly ServerRoute[], isWanted = true) {
    this.#options = options
    this.#names = options.own === undefined ? new ExposedNames() : options.own.shared.#names
    this.#loaded = this.#load(routes)
    this.follow(routes, isWanted)
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

  /**
   * Takes over which servers there are. New and changed ones are asked at once.
   *
   * @param isWanted whether processes may be started for new ones.
   */
  follow(routes: readonly ServerRoute[], isWanted = true): void {
    const ids = new Set(routes.map(({ server }) => server.id))
    this.#serverIds = ids
    for (const [id, followed] of this.#followed) if (!ids.has(id)) this.#drop(id, followed)
    for (const route of routes) {
      const followed = this.#followed.get(route.server.id)
      if (followed === undefined) this.#followed.set(route.server.id, this.#followedAt(route, isWanted))
      else followed.follow(route)
    }
  }

  /** Waits until every server has been asked once, or for so many milliseconds; nobody is waited for twice. */
  async ready(timeoutMs: number): Promise<void> {
    const waited = [...this.#followed.values()].filter(({ isSettled }) => !isSettled)
    if (waited.length === 0) return
    for (const followed of waited) followed.want()
    await settledWithin(this.#loaded, timeoutMs * LOAD_PATIENCE)
    await settledWithin(Promise.all(waited.map(({ asked }) => asked)), timeoutMs)
    for (const followed of waited) followed.giveUp()
  }

  /** Waits until those of these servers that have never been asked were asked, or for so many milliseconds. */
  async asked(isMeant: (slug: string) => boolean, timeoutMs: number): Promise<void> {
    const meant = [...this.#followed.values()].filter(({ route }) => isMeant(route.server.slug))
    await settledWithin(Promise.all(meant.map(({ asked }) => asked)), timeoutMs)
  }

  /** Asks a server again, now. */
  look(serverId: string): void {
    this.#followed.get(serverId)?.look()
  }

  /** A server is doing better or worse. */
  statusChanged(serverId: string, status: ServerStatus): void {
    this.#followed.get(serverId)?.statusChanged(status)
  }

  /**
   * Another process, or somebody's decision, has changed what is kept of a server: takes it over, and asks nobody.
   *
   * @returns when it has been taken over; never rejects.
   */
  async reload(serverId: string): Promise<void> {
    if (this.#options.store !== undefined) await this.#followed.get(serverId)?.reload()
  }

  /** Anything may have changed in what is kept. */
  reloadAll(): void {
    if (this.#options.store === undefined) return
    for (const followed of this.#followed.values()) followed.reloadAll()
  }

  /** As {@link reload}, when it is not known whether this is about these lists: they are compared when the server is asked next. */
  doubt(serverId: string): void {
    this.#followed.get(serverId)?.doubt()
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
    for (const followed of this.#followed.values()) followed.end()
    this.#followed.clear()
  }

  #followedAt(route: ServerRoute, isWanted: boolean): FollowedServer {
    const { logger, principal, store } = this.#options
    const { scopeKey } = this
    const names = this.#names
    return new FollowedServer(
      {
        ...this.#options,
        scopeKey,
        keeper: new OfferKeeper({ store, tenantId: principal.tenantId, scopeKey, names, logger }),
        loaded: this.#loaded,
        show: (next, before) => this.#show(next, before),
      },
      route,
      isWanted,
    )
  }

  /** Takes over what was kept before this process began. */
  async #load(routes: readonly ServerRoute[]): Promise<void> {
    const { logger, own, store } = this.#options
    // Whose names are not known yet would be given others.
    if (own !== undefined) await own.shared.#loaded
    if (store === undefined) return
    try {
      for (const offer of await this.#offers(store, routes)) this.#followed.get(offer.serverId)?.adopt(offer)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      logger.warn('what servers offered before could not be read', { reason })
    }
  }

  /** What is kept of these servers. */
  async #offers(store: CatalogStore, routes: readonly ServerRoute[]): Promise<readonly KeptOffer[]> {
    const { tenantId } = this.#options.principal
    const serverIds = routes.map(({ server }) => server.id)
    if (this.scopeKey === '') {
      const { names, offers } = await store.load(tenantId, serverIds)
      for (const name of names) this.#names.learn(name)
      return offers
    }
    const offers: KeptOffer[] = []
    for (const serverId of serverIds) {
      const definitions = await this.#followed.get(serverId)?.read()
      if (definitions !== undefined) offers.push({ serverId, definitions })
    }
    return offers
  }

  /** Shows what a server offers from now on. Gives the kinds of which it is something else than before. */
  #show(next: CatalogServer, before: CatalogServer | undefined): ReadonlySet<DefinitionKind> {
    const kinds = changedKinds(before, next)
    this.#catalog = this.#catalog.with(next, this.#names)
    if (kinds.size > 0) this.#options.onChange(kinds)
    return kinds
  }

  #drop(serverId: string, followed: FollowedServer): void {
    followed.end()
    this.#followed.delete(serverId)
    this.#catalog = this.#catalog.without(serverId)
    const kinds = new Set(followed.known?.definitions.map(({ kind }) => kind))
    if (kinds.size > 0) this.#options.onChange(kinds)
  }
}
