import type { EventBus, GatewayEvents, ServerStatus } from '@mreg/core'
import type { SnapshotServer } from '@mreg/repositories'

/** What changed since the last look at what is registered. */
export interface StateChanges {
  /** New and changed servers, whole. */
  readonly changed: readonly SnapshotServer[]
  /** Servers that are gone. */
  readonly removed: readonly { readonly serverId: string }[]
  /** Whether `changed` is everything that there is. */
  readonly complete: boolean
}

interface KnownServer {
  readonly status: ServerStatus
  readonly endpoints: ReadonlyMap<string, ServerStatus>
}

/**
 * Takes over how an endpoint is doing.
 *
 * @param former what was known of it here before; undefined: nothing.
 */
export type StatusLearner = (
  endpointId: string,
  status: ServerStatus,
  former: ServerStatus | undefined,
) => void

/**
 * How all servers and their endpoints are doing, in memory: whoever routes a request asks here, and nobody else. It follows
 * the change log, so every process has the same whichever found it, and tells each new status once.
 */
export class HealthStates {
  readonly #events: EventBus<GatewayEvents> | undefined
  readonly #learn: StatusLearner | undefined
  readonly #servers = new Map<string, KnownServer>()
  readonly #endpoints = new Map<string, ServerStatus>()

  /**
   * @param events is told of each new status from the second look on; undefined: nobody is.
   * @param learn is told of each status that was not known here, from the first look on; undefined: nobody is.
   */
  constructor(events?: EventBus<GatewayEvents>, learn?: StatusLearner) {
    this.#events = events
    this.#learn = learn
  }

  /** `unknown` for one that nobody has heard of. */
  ofEndpoint(endpointId: string): ServerStatus {
    return this.#endpoints.get(endpointId) ?? 'unknown'
  }

  /** `unknown` for one that nobody has heard of. */
  ofServer(serverId: string): ServerStatus {
    return this.#servers.get(serverId)?.status ?? 'unknown'
  }

  /** Takes changes over. */
  apply({ changed, removed, complete }: StateChanges): void {
    if (complete) {
      const there = new Set(changed.map(({ id }) => id))
      for (const id of this.#servers.keys()) if (!there.has(id)) this.#forget(id)
    }
    for (const { serverId } of removed) this.#forget(serverId)
    for (const server of changed) this.#takeOver(server)
  }

  #forget(serverId: string): void {
    for (const id of this.#servers.get(serverId)?.endpoints.keys() ?? []) this.#endpoints.delete(id)
    this.#servers.delete(serverId)
  }

  #takeOver({ id: serverId, tenantId, slug, status, endpoints }: SnapshotServer): void {
    const former = this.#servers.get(serverId)
    this.#forget(serverId)
    const found = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint.status ?? 'unknown']))
    this.#servers.set(serverId, { status, endpoints: found })
    for (const [endpointId, to] of found) {
      this.#endpoints.set(endpointId, to)
      const known = former?.endpoints.get(endpointId)
      if (known !== to) this.#learn?.(endpointId, to, known)
      const from = known ?? to
      if (from !== to)
        this.#events?.emit('endpoint-status-changed', { tenantId, serverId, slug, endpointId, from, to })
    }
    if (former !== undefined && former.status !== status)
      this.#events?.emit('server-status-changed', {
        tenantId,
        serverId,
        slug,
        from: former.status,
        to: status,
      })
  }
}
