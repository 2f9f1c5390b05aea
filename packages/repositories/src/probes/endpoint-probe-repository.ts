import type { EndpointProbe, ServerStatus } from '@mreg/core'
import type { SystemSession, TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { isEntityId } from '../base/entity-id.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import type { ProbeResult, StoredProbe, Witnessed } from './probe-result.ts'
import { fromProbes, toProbeRows } from './probe-rows.ts'
import {
  nextStatus,
  PROBE_JITTER,
  type StatusPolicy,
  untilNextProbe,
  witnessedStatus,
} from './status-policy.ts'

/** A server's status beside what its endpoints' last probes found, in the order of the endpoints. */
export interface KnownStatuses {
  readonly serverId: string
  readonly tenantId: string
  readonly status: ServerStatus
  readonly found: readonly ServerStatus[]
  /** Whether it was taken out of service. */
  readonly maintenance: boolean
}

/** What probes found. They are not changes: only a new status of the server is. */
export class EndpointProbeRepository {
  readonly #kysely: SystemSession<RegistryDatabase>['kysely']

  /** In a tenant's session, it is about that tenant's endpoints only. */
  constructor(session: SystemSession<RegistryDatabase> | TenantSession<RegistryDatabase>) {
    this.#kysely = session.kysely
  }

  /**
   * Stores what was found last, and says what is known of each endpoint now; of several probes of one endpoint, the last one
   * given counts. An era that was seen once is kept until another one is seen. Left out are endpoints that are gone, and
   * results under a lease that is not held any more.
   *
   * @returns what was stored.
   */
  async record(probes: readonly ProbeResult[], policy: StatusPolicy): Promise<readonly StoredProbe[]> {
    // In one order, so that two who record the same endpoints wait for each other instead of locking each other out.
    const rows = [...new Map(toProbeRows(probes).map((row) => [row.endpoint_id, row])).values()]
      .toSorted((one, other) => (one.endpoint_id < other.endpoint_id ? -1 : 1))
      .map((row) => ({ ...row, spread: 1 - PROBE_JITTER + 2 * PROBE_JITTER * Math.random() }))
    if (rows.length === 0) return []
    const { rows: stored } = await sql<StoredRow>`
      with next as materialized (
        select given.*, p.status as former, p.successes_in_row, p.failures_in_row,
          coalesce(given.probed_at, clock_timestamp()) as found_at,
          case when given.fencing_token is null then given.status else ${nextStatus(policy)} end as settled
        from ${fromProbes(rows)}
        cross join lateral (
          select * from endpoint_probes where endpoint_id = given.endpoint_id limit 1 for update
        ) p
        where given.fencing_token is null
          or p.fencing_token = given.fencing_token and p.lease_expires_at > clock_timestamp()
      )
      update endpoint_probes p set
        status = next.settled,
        status_since = case when next.settled = next.former then p.status_since else clock_timestamp() end,
        failures_in_row = case when next.status = 'unhealthy' then next.failures_in_row + 1 else 0 end,
        successes_in_row = case when next.status = 'healthy' then next.successes_in_row + 1 else 0 end,
        era = coalesce(next.era, p.era),
        era_observed_at = case when next.era is null then p.era_observed_at else next.found_at end,
        latency_ms = next.latency_ms,
        message = next.message,
        probed_at = next.found_at,
        fencing_token = p.fencing_token + case when next.fencing_token is null then 1 else 0 end,
        lease_owner = null,
        lease_expires_at = null,
        next_probe_at = case when p.next_probe_at = 'infinity' then p.next_probe_at
          else clock_timestamp() + ${untilNextProbe(policy)} end
      from next where p.endpoint_id = next.endpoint_id
      returning p.endpoint_id, next.former, p.status, p.status_since, p.probed_at
    `.execute(this.#kysely)
    return stored.map(toStoredProbe)
  }

  /**
   * Takes over what was seen in traffic: one observation for each endpoint. A new status makes the endpoint due for a probe,
   * unless somebody is at it. Left out are endpoints that are gone.
   *
   * @returns those that have a new status.
   */
  async witness(seen: readonly Witnessed[], policy: StatusPolicy): Promise<readonly StoredProbe[]> {
    const rows = [...new Map(seen.map((one) => [one.endpointId, one])).values()]
      .filter(({ endpointId }) => isEntityId(endpointId))
      .toSorted((one, other) => (one.endpointId < other.endpointId ? -1 : 1))
    if (rows.length === 0) return []
    const { rows: stored } = await sql<StoredRow>`
      with next as materialized (
        select p.endpoint_id, given.works, p.status as former, ${witnessedStatus(policy)} as settled
        from unnest(${rows.map(({ endpointId }) => endpointId)}::uuid[], ${rows.map(({ works }) => works)}::boolean[])
          as given (endpoint_id, works)
        cross join lateral (
          select * from endpoint_probes where endpoint_id = given.endpoint_id limit 1 for update
        ) p
      )
      update endpoint_probes p set
        status = next.settled,
        status_since = case when next.settled = next.former then p.status_since else clock_timestamp() end,
        failures_in_row = case when next.works then 0 else p.failures_in_row + 1 end,
        successes_in_row = case when next.works then p.successes_in_row else 0 end,
        next_probe_at = case
          when next.settled = next.former or p.lease_expires_at > clock_timestamp() then p.next_probe_at
          else least(p.next_probe_at, clock_timestamp()) end
      from next where p.endpoint_id = next.endpoint_id
      returning p.endpoint_id, next.former, p.status, p.status_since, clock_timestamp() as probed_at
    `.execute(this.#kysely)
    return stored.map(toStoredProbe).filter(({ former, status }) => former !== status)
  }

  /** What is known of the endpoints of each of these servers, beside the status that each server has. Servers that are gone are left out. */
  async statusesOf(serverIds: readonly string[]): Promise<readonly KnownStatuses[]> {
    const { rows } = await sql<{
      id: string
      tenant_id: string
      status: ServerStatus
      found: ServerStatus[]
      maintenance: boolean
    }>`
      select s.id, s.tenant_id, s.status, s.maintenance, array(
        select coalesce(p.status, 'unknown') from server_endpoints e
        left join endpoint_probes p on p.endpoint_id = e.id where e.server_id = s.id order by e.position
      ) as found
      from servers s where s.id = any(${serverIds.filter(isEntityId)}::uuid[])
    `.execute(this.#kysely)
    return rows.map(({ id, tenant_id: tenantId, ...known }) => ({ serverId: id, tenantId, ...known }))
  }

  /** What is known of each endpoint of a server, in the order of the endpoints; `unknown` where nothing was found yet. */
  async forServer(serverId: string): Promise<readonly EndpointProbe[]> {
    return (await this.forServers([serverId])).get(serverId) ?? []
  }

  /** The same for several servers, in one round trip. A server without endpoints, or that is gone, is left out. */
  async forServers(serverIds: readonly string[]): Promise<ReadonlyMap<string, readonly EndpointProbe[]>> {
    const known = serverIds.filter(isEntityId)
    if (known.length === 0) return new Map()
    const rows = await this.#kysely
      .selectFrom('server_endpoints')
      .leftJoin('endpoint_probes', 'endpoint_probes.endpoint_id', 'server_endpoints.id')
      .select([
        'server_endpoints.id',
        'server_endpoints.server_id',
        'endpoint_probes.status',
        'endpoint_probes.era',
        'endpoint_probes.latency_ms',
        'endpoint_probes.message',
        'endpoint_probes.probed_at',
      ])
      .where(sql<boolean>`server_endpoints.server_id = any(${known}::uuid[])`)
      .orderBy('server_endpoints.position')
      .execute()
    const probes = new Map<string, EndpointProbe[]>()
    for (const row of rows) {
      const probe: EndpointProbe = {
        endpointId: row.id,
        status: row.status ?? 'unknown',
        era: row.era ?? undefined,
        latencyMs: row.latency_ms ?? undefined,
        message: row.message ?? undefined,
        probedAt: row.probed_at ?? undefined,
      }
      const own = probes.get(row.server_id)
      if (own === undefined) probes.set(row.server_id, [probe])
      else own.push(probe)
    }
    return probes
  }
}

interface StoredRow {
  readonly endpoint_id: string
  readonly former: ServerStatus
  readonly status: ServerStatus
  readonly status_since: Date
  readonly probed_at: Date
}

const toStoredProbe = (row: StoredRow): StoredProbe => ({
  endpointId: row.endpoint_id,
  former: row.former,
  status: row.status,
  statusSince: row.status_since,
  probedAt: row.probed_at,
})
