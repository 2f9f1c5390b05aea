import type { Principal, ServerStatus } from '@mreg/core'
import type { DefinitionKind } from '@mreg/registry'

import type { RouteTable } from '../route-table.ts'
import { TenantCatalog, type TenantCatalogOptions } from './tenant-catalog.ts'

export interface CatalogsOptions extends Omit<TenantCatalogOptions, 'principal' | 'onChange'> {
  readonly routes: RouteTable
}

/** Is told which lists of a tenant have changed. */
export type CatalogListener = (kinds: ReadonlySet<DefinitionKind>) => void

interface OpenCatalog {
  readonly catalog: TenantCatalog
  readonly listeners: Set<CatalogListener>
}

/** The catalogs of all tenants. One is made when somebody first asks for it: who uses none pays for none. */
export class Catalogs implements Disposable {
  readonly #options: CatalogsOptions
  readonly #open = new Map<string, OpenCatalog>()

  constructor(options: CatalogsOptions) {
    this.#options = options
  }

  /** The catalog of the principal's tenant. */
  of(principal: Principal): TenantCatalog {
    const { tenantId } = principal
    const known = this.#open.get(tenantId)
    if (known !== undefined) return known.catalog
    const listeners = new Set<CatalogListener>()
    const { routes, ...options } = this.#options
    const onChange: CatalogListener = (kinds) => {
      for (const listener of listeners) listener(kinds)
    }
    const catalog = new TenantCatalog({ ...options, principal, onChange }, routes.list(tenantId))
    this.#open.set(tenantId, { catalog, listeners })
    return catalog
  }

  /** Tells `listener` of each change from now on. Gives what ends that. */
  onChange(principal: Principal, listener: CatalogListener): () => void {
    this.of(principal)
    const listeners = this.#open.get(principal.tenantId)?.listeners
    listeners?.add(listener)
    return () => listeners?.delete(listener)
  }

  /** The routes have changed. */
  routesChanged(): void {
    for (const [tenantId, { catalog }] of this.#open) catalog.follow(this.#options.routes.list(tenantId))
  }

  /** A server is doing better or worse. */
  statusChanged(event: {
    readonly tenantId: string
    readonly serverId: string
    readonly to: ServerStatus
  }): void {
    this.#open.get(event.tenantId)?.catalog.statusChanged(event.serverId, event.to)
  }

  [Symbol.dispose](): void {
    for (const { catalog } of this.#open.values()) catalog[Symbol.dispose]()
    this.#open.clear()
  }
}
