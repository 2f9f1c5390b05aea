import type { EndpointProbe } from '@mreg/core'
import type { SystemSession, TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { isEntityId } from '../base/entity-id.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'

/** What probes found. They are not changes: only a new status of the server is. */
export class EndpointProbeRepository {
  readonly #kysely: SystemSession<RegistryDatabase>['kysely']

  /** In a tenant's session, it is about that tenant's endpoints only. */
  constructor(session: SystemSession<RegistryDatabase> | TenantSession<RegistryDatabase>) {
    this.#kysely = session.kysely
  }

  /**
   * Stores what was found last. An era that was seen once is kept until another one is seen.
   *
   * @returns false: there is no such endpoint any more.
   */
  async record(endpointId: string, probe: Omit<EndpointProbe, 'endpointId'>): Promise<boolean> {
    if (!isEntityId(endpointId)) {
      return false
    }
    const { status, era, latencyMs, message, probedAt } = probe
    const eraObservedAt = era === undefined ? null : (probedAt ?? new Date())
    const result = await sql`
      insert into endpoint_probes (endpoint_id, tenant_id, status, era, era_observed_at, latency_ms, message, probed_at)
      select id, tenant_id, ${status}, ${era ?? null}, ${eraObservedAt}::timestamptz,
        ${latencyMs === undefined ? null : Math.round(latencyMs)}::integer, ${message ?? null}, ${probedAt ?? null}::timestamptz
      from server_endpoints where id = ${endpointId}
      on conflict (endpoint_id) do update set
        status = excluded.status,
        era = coalesce(excluded.era, endpoint_probes.era),
        era_observed_at = coalesce(excluded.era_observed_at, endpoint_probes.era_observed_at),
        latency_ms = excluded.latency_ms,
        message = excluded.message,
        probed_at = excluded.probed_at
    `.execute(this.#kysely)
    return (result.numAffectedRows ?? 0n) > 0n
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
