import type { RegistryDelta, RegisteredServer } from '@mreg/registry'
import type { EndpointTarget } from '@mreg/upstream'

import { Withheld } from './control/withheld.ts'
import { Replicas } from './replicas/replicas.ts'

/** Where the calls for one server go. */
export interface ServerRoute {
  readonly server: RegisteredServer
  readonly targets: readonly EndpointTarget[]
  /** The same for as long as the server is registered. */
  readonly replicas: Replicas
  /** What clients do not have of it; undefined: they have everything. */
  readonly withheld?: Withheld | undefined
}

type TenantRoutes = ReadonlyMap<string, ServerRoute>

/**
 * Who owns which slug, as an immutable snapshot in memory: a call asks no database. A change makes new
 * maps for the tenants that it touches and swaps them in at once, so that a reader never sees half of it.
 */
export class RouteTable {
  #tenants: ReadonlyMap<string, TenantRoutes> = new Map()
  readonly #targets = new Map<string, EndpointTarget>()
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

  /** All servers of all tenants. */
  *all(): Generator<ServerRoute, void, undefined> {
    for (const routes of this.#tenants.values()) yield* routes.values()
  }

  /** All endpoints of all servers. */
  *targets(): Generator<EndpointTarget, void, undefined> {
    for (const routes of this.#tenants.values()) for (const route of routes.values()) yield* route.targets
  }

  /** The endpoint of that identifier. */
  target(endpointId: string): EndpointTarget | undefined {
    return this.#targets.get(endpointId)
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
    const replicas = new Map<string, Replicas>()
    const drop = (routes: Map<string, ServerRoute>, route: ServerRoute | undefined): void => {
      if (route === undefined) return
      routes.delete(route.server.slug)
      replicas.set(route.server.id, route.replicas)
      for (const { endpoint } of route.targets) {
        gone.add(endpoint.id)
        this.#targets.delete(endpoint.id)
      }
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
      const route = routeOf(server, replicas.get(server.id) ?? new Replicas())
      routes.set(server.slug, route)
      for (const target of route.targets) {
        gone.delete(target.endpoint.id)
        this.#targets.set(target.endpoint.id, target)
      }
    }
    this.#tenants = tenants
    this.#loaded = true
    return [...gone]
  }
}

const routeOf = (server: RegisteredServer, replicas: Replicas): ServerRoute => {
  const targets = server.endpoints.map((endpoint) => ({
    endpoint,
    tenantId: server.tenantId,
    serverId: server.id,
    slug: server.slug,
    revision: server.revision,
    sealedCredentials: endpoint.secret?.ciphertext,
    isolation: server.settings.isolation,
    login: server.settings.login,
  }))
  replicas.update(targets, server.settings.balancing)
  return { server, targets, replicas, withheld: server.withheld && new Withheld(server.withheld) }
}
