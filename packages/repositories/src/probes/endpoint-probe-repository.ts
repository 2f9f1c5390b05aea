import type { EndpointProbe, ServerStatus } from '@mreg/core'
import type { SystemSession, TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { isEntityId } from '../base/entity-id.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import { fromProbes, toProbeRows } from './probe-rows.ts'

/** A server's status beside what its endpoints' last probes found, in the order of the endpoints. */
export interface KnownStatuses {
  readonly serverId: string
  readonly tenantId: string
  readonly status: ServerStatus
  readonly found: readonly ServerStatus[]
}

/** What probes found. They are not changes: only a new status of the server is. */
export class EndpointProbeRepository {
  readonly #kysely: SystemSession<RegistryDatabase>['kysely']

  /** In a tenant's session, it is about that tenant's endpoints only. */
  constructor(session: SystemSession<RegistryDatabase> | TenantSession<RegistryDatabase>) {
    this.#kysely = session.kysely
  }

  /**
   * Stores what was found last; of several probes of one endpoint, the last one given counts. An era that was seen once is
   * kept until another one is seen. Left out are endpoints that are gone.
   *
   * @returns the endpoints that there are.
   */
  async record(probes: readonly EndpointProbe[]): Promise<ReadonlySet<string>> {
    const rows = new Map(toProbeRows(probes).map((row) => [row.endpoint_id, row]))
    if (rows.size === 0) return new Set()
    // In one order, so that two who record the same endpoints wait for each other instead of locking each other out.
    const { rows: stored } = await sql<{ endpoint_id: string }>`
      insert into endpoint_probes (endpoint_id, tenant_id, status, era, era_observed_at, latency_ms, message, probed_at)
      select e.id, e.tenant_id, given.status, given.era, case when given.era is not null then given.probed_at end,
        given.latency_ms, given.message, given.probed_at
      from ${fromProbes([...rows.values()])}
      order by e.id
      on conflict (endpoint_id) do update set
        status = excluded.status,
        era = coalesce(excluded.era, endpoint_probes.era),
        era_observed_at = coalesce(excluded.era_observed_at, endpoint_probes.era_observed_at),
        latency_ms = excluded.latency_ms,
        message = excluded.message,
        probed_at = excluded.probed_at
      returning endpoint_id
    `.execute(this.#kysely)
    return new Set(stored.map(({ endpoint_id: id }) => id))
  }

  /** What is known of the endpoints of each of these servers, beside the status that each server has. Servers that are gone are left out. */
  async statusesOf(serverIds: readonly string[]): Promise<readonly KnownStatuses[]> {
    const { rows } = await sql<{
      id: string
      tenant_id: string
      status: ServerStatus
      found: ServerStatus[]
    }>`
      select s.id, s.tenant_id, s.status, array(
        select coalesce(p.status, 'unknown') from server_endpoints e
        left join endpoint_probes p on p.endpoint_id = e.id where e.server_id = s.id order by e.position
      ) as found
      from servers s where s.id = any(${serverIds.filter(isEntityId)}::uuid[])
    `.execute(this.#kysely)
    return rows.map(({ id, tenant_id: tenantId, status, found }) => ({
      serverId: id,
      tenantId,
      status,
      found,
    }))
  }

  /** What is known of each endpoint of a server, in the order of the endpoints; `unknown` where nothing was found yet. */
  async forServer(serverId: string): Promise<readonly EndpointProbe[]> {
    if (!isEntityId(serverId)) {
      return []
    }
    const rows = await this.#kysely
      .selectFrom('server_endpoints')
      .leftJoin('endpoint_probes', 'endpoint_probes.endpoint_id', 'server_endpoints.id')
      .select([
        'server_endpoints.id',
        'endpoint_probes.status',
        'endpoint_probes.era',
        'endpoint_probes.latency_ms',
        'endpoint_probes.message',
        'endpoint_probes.probed_at',
      ])
      .where('server_endpoints.server_id', '=', serverId)
      .orderBy('server_endpoints.position')
      .execute()
    return rows.map((row) => ({
      endpointId: row.id,
      status: row.status ?? 'unknown',
      era: row.era ?? undefined,
      latencyMs: row.latency_ms ?? undefined,
      message: row.message ?? undefined,
      probedAt: row.probed_at ?? undefined,
    }))
  }
}
