import type { EndpointProbe, EventBus, GatewayEvents } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { EndpointProbeRepository, type RegistryDatabase, ServerRepository } from '@mreg/repositories'

import { serverStatus } from './server-status.ts'

/** Whose probes they are. */
export interface ProbedServer {
  readonly tenantId: string
  readonly serverId: string
}

/** Keeps what probes found, and says how the server is doing now. A new status is a change that gateways follow. */
export class HealthRecorder {
  readonly #database: DatabasePool<RegistryDatabase>
  readonly #events: EventBus<GatewayEvents> | undefined

  /** @param events is told of each new status; undefined: nobody is. */
  constructor(database: DatabasePool<RegistryDatabase>, events?: EventBus<GatewayEvents>) {
    this.#database = database
    this.#events = events
  }

  /** Keeps the probes. What has been removed meanwhile is left out. */
  async record({ tenantId, serverId }: ProbedServer, probes: readonly EndpointProbe[]): Promise<void> {
    const changed = await this.#database.tenantSession(tenantId, async (session) => {
      const servers = new ServerRepository(session)
      const repository = new EndpointProbeRepository(session)
      const server = await servers.getById(serverId)
      if (server === undefined) return undefined
      const found = new Map(probes.map((probe) => [probe.endpointId, probe]))
      const known = await repository.forServer(serverId)
      const status = serverStatus(known.map((probe) => found.get(probe.endpointId) ?? probe))
      // Before anything is written, because it takes the tenant's lock, as every writer does first.
      const isNews = await servers.setStatus(serverId, status)
      for (const { endpointId, ...probe } of probes) await repository.record(endpointId, probe)
      return isNews ? { slug: server.slug, from: server.status, to: status } : undefined
    })
    if (changed !== undefined) this.#events?.emit('server-status-changed', { tenantId, serverId, ...changed })
  }
}
