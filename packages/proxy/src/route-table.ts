import type { RegistryDelta, RegisteredServer } from '@mreg/registry'
import type { EndpointTarget } from '@mreg/upstream'

/** Where the calls for one server go. */
export interface ServerRoute {
  readonly server: RegisteredServer
  readonly targets: readonly EndpointTarget[]
}

type TenantRoutes = ReadonlyMap<string, ServerRoute>

/**
 * Who owns which slug, as an immutable snapshot in memory: a call asks no database. A change makes new
 * maps for the tenants that it touches and swaps them in at once, so that a reader never sees half of it.
 */
export class RouteTable {
  #tenants: ReadonlyMap<string, TenantRoutes> = new Map()
  #loaded = false

  /** Whether a first snapshot has been loaded. Before, an unknown slug means nothing. */
  get loaded(): boolean {
    return this.#loaded
  }

  /** How many servers it knows. */
  get size(): number {
    let size = 0
    for (const routes of this.#tenants.values()) size += routes.size
    return size
  }

  /** All endpoints of all servers. */
  *targets(): Generator<EndpointTarget, void, undefined> {
    for (const routes of this.#tenants.values()) for (const route of routes.values()) yield* route.targets
  }

  /** All servers of a tenant. */
  list(tenantId: string): readonly ServerRoute[] {
    return [...(this.#tenants.get(tenantId)?.values() ?? [])]
  }

  /** The server of that slug in that tenant. */
  lookup(tenantId: string, slug: string): ServerRoute | undefined {
    return this.#tenants.get(tenantId)?.get(slug)
  }

  /** Takes a change over. Gives the identifiers of the endpoints that are gone. */
  apply(delta: RegistryDelta): readonly string[] {
    const tenants = new Map(this.#tenants)
    const copies = new Map<string, Map<string, ServerRoute>>()
    const routesOf = (tenantId: string): Map<string, ServerRoute> => {
      let copy = copies.get(tenantId)
      if (copy === undefined) {
        copy = new Map(this.#tenants.get(tenantId))
        copies.set(tenantId, copy)
        tenants.set(tenantId, copy)
      }
      return copy
    }
    const gone = new Set<string>()
    const drop = (routes: Map<string, ServerRoute>, route: ServerRoute | undefined): void => {
      if (route === undefined) return
      routes.delete(route.server.slug)
      for (const { endpoint } of route.targets) gone.add(endpoint.id)
    }
    if (delta.complete) {
      for (const [tenantId, routes] of this.#tenants)
        for (const route of routes.values()) drop(routesOf(tenantId), route)
    }
    for (const { tenantId, serverId } of delta.removed) {
      const routes = routesOf(tenantId)
      for (const route of routes.values()) if (route.server.id === serverId) drop(routes, route)
    }
    for (const server of delta.changed) {
      const routes = routesOf(server.tenantId)
      drop(routes, routes.get(server.slug))
      const route = routeOf(server)
      routes.set(server.slug, route)
      for (const { endpoint } of route.targets) gone.delete(endpoint.id)
    }
    this.#tenants = tenants
    this.#loaded = true
    return [...gone]
  }
}

const routeOf = (server: RegisteredServer): ServerRoute => ({
  server,
  targets: server.endpoints.map((endpoint) => ({
    endpoint,
    tenantId: server.tenantId,
    serverId: server.id,
    slug: server.slug,
    revision: server.revision,
    sealedCredentials: endpoint.secret?.ciphertext,
    isolation: server.settings.isolation,
  })),
})
