import { LOCAL_PRINCIPAL, type Principal, type ServerStatus } from '@mreg/core'
import { DEFINITION_KINDS, type DefinitionKind, type RegistryDelta } from '@mreg/registry'

import type { RouteTable, ServerRoute } from '../route-table.ts'
import { ListQueue } from './list-queue.ts'
import { PrincipalCatalog } from './principal-catalog.ts'
import { TenantCatalog, type TenantCatalogOptions } from './tenant-catalog.ts'

export interface CatalogsOptions extends Omit<
  TenantCatalogOptions,
  'principal' | 'onChange' | 'own' | 'queue'
> {
  readonly routes: RouteTable
  /** Whose lists of a server a principal is shown: empty for everybody's, else what stands for that principal alone. */
  readonly scopeOf: (route: ServerRoute, principalId: string) => string
  /** The most principals of whom lists of their own are held in memory; whoever came longest ago goes first. */
  readonly maxPrincipals: number
  /** Servers asked at once. */
  readonly maxConcurrentLists: number
  /** Servers of all tenants that are asked before anybody wants their lists. */
  readonly maxUnasked: number
  /** Is told when anything that somebody in a tenant is shown has changed. */
  readonly onTenantChange?: ((tenantId: string) => void) | undefined
}

/** Is told which lists of a principal have changed. */
export type CatalogListener = (kinds: ReadonlySet<DefinitionKind>) => void

interface OpenTenant {
  readonly shared: TenantCatalog
  /** By principal. */
  readonly listeners: Map<string, Set<CatalogListener>>
  /** In order of use, oldest first. */
  readonly principals: Map<string, OpenPrincipal>
}

interface OpenPrincipal {
  readonly principal: Principal
  readonly own: TenantCatalog | undefined
  readonly view: PrincipalCatalog
}

/**
 * The catalogs of all tenants. That of a tenant is made as soon as it has a server, or when somebody first asks for it where there
 * are very many. What a server lists for the login of one principal is asked for when that principal first comes, and shown to
 * nobody else.
 */
export class Catalogs implements Disposable {
  readonly #options: CatalogsOptions
  readonly #open = new Map<string, OpenTenant>()
  readonly #queue: ListQueue

  constructor(options: CatalogsOptions) {
    this.#options = options
    this.#queue = new ListQueue(options.maxConcurrentLists)
  }

  /** What the principal sees. */
  of(principal: Principal): PrincipalCatalog {
    const tenant = this.#tenant(principal.tenantId)
    const known = tenant.principals.get(principal.id)
    const open = known ?? this.#begin(tenant, principal)
    tenant.principals.delete(principal.id)
    tenant.principals.set(principal.id, open)
    if (known === undefined) this.#forgetOne(tenant)
    return open.view
  }

  /** Whether the catalog of a tenant is in memory. */
  isOpen(tenantId: string): boolean {
    return this.#open.has(tenantId)
  }

  /** Tells `listener` of each change of what the principal sees from now on. Gives what ends that. */
  onChange(principal: Principal, listener: CatalogListener): () => void {
    this.of(principal)
    const { listeners } = this.#tenant(principal.tenantId)
    const own = listeners.get(principal.id) ?? new Set()
    listeners.set(principal.id, own.add(listener))
    return () => {
      if (own.delete(listener) && own.size === 0) listeners.delete(principal.id)
    }
  }

  /**
   * The routes have changed: new and changed servers are asked, before anybody wants their lists.
   *
   * @param tenantIds whose; undefined: anybody's, as at the start. Then no process is started for that.
   */
  routesChanged(tenantIds?: ReadonlySet<string>): void {
    const isWanted = tenantIds !== undefined
    for (const tenantId of tenantIds ?? new Set([...this.#open.keys(), ...this.#registered()])) {
      const tenant = this.#open.get(tenantId)
      if (tenant !== undefined) {
        tenant.shared.follow(this.#sharedRoutes(tenantId), isWanted)
        for (const principalId of tenant.principals.keys()) this.#follow(tenantId, principalId)
      } else if (this.#hasRoomFor(tenantId)) this.#tenant(tenantId, isWanted)
    }
  }

  /** A principal has logged in for a server, or its login has ended. */
  loginChanged(event: {
    readonly tenantId: string
    readonly serverId: string
    readonly principalId: string
  }): void {
    const { tenantId, serverId } = event
    const tenant = this.#open.get(tenantId)
    if (tenant === undefined) return
    tenant.shared.look(serverId)
    // The login may be that of several principals: whoever is on a machine that needs no key.
    for (const principalId of tenant.principals.keys()) {
      this.#follow(tenantId, principalId)
      const own = tenant.principals.get(principalId)?.own
      if (own?.scopeKey === event.principalId) own.look(serverId)
    }
  }

  /** What is kept of servers has changed. */
  keptChanged({ changes = [], complete }: RegistryDelta): void {
    if (complete) for (const { shared } of this.#open.values()) shared.reloadAll()
    for (const { tenantId, kind, objectId } of changes) {
      const tenant = kind === 'capabilities_updated' ? this.#open.get(tenantId) : undefined
      // What is withheld may be known to the routes before it is to the catalog, and the other way round.
      void tenant?.shared.reload(objectId).then(() => this.#options.onTenantChange?.(tenantId))
      // It is not said whose lists have changed, and to read everybody's each time somebody comes would be too much.
      for (const { own } of tenant?.principals.values() ?? []) own?.doubt(objectId)
    }
  }

  /** What is selected of the catalogs of a tenant is something else now. */
  selectionsChanged(tenantId: string): void {
    const all = new Set(DEFINITION_KINDS)
    for (const own of this.#open.get(tenantId)?.listeners.values() ?? [])
      for (const listener of own) listener(all)
  }

  /** A server is doing better or worse. */
  statusChanged({ tenantId, serverId, to }: StatusChange): void {
    const tenant = this.#open.get(tenantId)
    if (tenant === undefined) return
    tenant.shared.statusChanged(serverId, to)
    for (const { own } of tenant.principals.values()) own?.statusChanged(serverId, to)
  }

  [Symbol.dispose](): void {
    for (const { shared, principals } of this.#open.values()) {
      for (const { own } of principals.values()) own?.[Symbol.dispose]()
      shared[Symbol.dispose]()
    }
    this.#open.clear()
  }

  #tenant(tenantId: string, isWanted = true): OpenTenant {
    const known = this.#open.get(tenantId)
    if (known !== undefined) return known
    const listeners: OpenTenant['listeners'] = new Map()
    // Nobody's in particular: what is asked for everybody is asked with no login of somebody's own.
    const principal: Principal = { ...LOCAL_PRINCIPAL, tenantId }
    const onChange: CatalogListener = (kinds) => {
      for (const own of listeners.values()) for (const listener of own) listener(kinds)
      this.#options.onTenantChange?.(tenantId)
    }
    const options = { ...this.#options, queue: this.#queue, principal, onChange }
    const shared = new TenantCatalog(options, this.#sharedRoutes(tenantId), isWanted)
    const tenant: OpenTenant = { shared, listeners, principals: new Map() }
    this.#open.set(tenantId, tenant)
    return tenant
  }

  #begin({ listeners, shared }: OpenTenant, principal: Principal): OpenPrincipal {
    const routes = this.#ownRoutes(principal.tenantId, principal.id)
    const [first] = routes
    if (first === undefined)
      return { principal, own: undefined, view: new PrincipalCatalog(shared, undefined) }
    const onChange: CatalogListener = (kinds) => {
      for (const listener of listeners.get(principal.id) ?? []) listener(kinds)
      this.#options.onTenantChange?.(principal.tenantId)
    }
    const scopeKey = this.#options.scopeOf(first, principal.id)
    const own = new TenantCatalog(
      { ...this.#options, queue: this.#queue, principal, onChange, own: { scopeKey, shared } },
      routes,
    )
    return { principal, own, view: new PrincipalCatalog(shared, own) }
  }

  /** Takes over which servers a principal uses with a login of its own now. */
  #follow(tenantId: string, principalId: string): void {
    const tenant = this.#open.get(tenantId)
    const open = tenant?.principals.get(principalId)
    if (tenant === undefined || open === undefined) return
    if (open.own !== undefined) return open.own.follow(this.#ownRoutes(tenantId, principalId))
    // It had none: what it has now is made when it comes, at once if it listens.
    if (this.#ownRoutes(tenantId, principalId).length === 0) return
    tenant.principals.delete(principalId)
    if (tenant.listeners.has(principalId)) this.of(open.principal)
  }

  /** Whoever listens is forgotten last: it would hear of nothing any more. */
  #forgetOne({ listeners, principals }: OpenTenant): void {
    if (principals.size <= this.#options.maxPrincipals) return
    const [oldest] = principals.keys()
    const id = [...principals.keys()].find((each) => !listeners.has(each)) ?? oldest ?? ''
    principals.get(id)?.own?.[Symbol.dispose]()
    principals.delete(id)
  }

  /** The tenants that have servers. */
  #registered(): Iterable<string> {
    return new Set([...this.#options.routes.all()].map(({ server }) => server.tenantId))
  }

  /** Whether a tenant has servers, and not too many are asked already. */
  #hasRoomFor(tenantId: string): boolean {
    const { maxUnasked, routes } = this.#options
    const count = routes.list(tenantId).length
    let asked = 0
    for (const { shared } of this.#open.values()) asked += shared.serverIds.size
    return count > 0 && asked + count <= maxUnasked
  }

  #sharedRoutes(tenantId: string): readonly ServerRoute[] {
    const { routes, scopeOf } = this.#options
    return routes.list(tenantId).filter((route) => scopeOf(route, LOCAL_PRINCIPAL.id) === '')
  }

  #ownRoutes(tenantId: string, principalId: string): readonly ServerRoute[] {
    const { routes, scopeOf } = this.#options
    return routes.list(tenantId).filter((route) => scopeOf(route, principalId) !== '')
  }
}

interface StatusChange {
  readonly tenantId: string
  readonly serverId: string
  readonly to: ServerStatus
}
