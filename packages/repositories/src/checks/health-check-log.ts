import type { EndpointProbe } from '@mreg/core'
import type { SystemSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { FIRST_ENTITY_ID } from '../base/entity-id.ts'
import { fromProbes, toProbeRows } from '../probes/probe-rows.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'

/** How much of the history is kept. */
export interface HealthCheckRetention {
  /** What was found before this is removed. */
  readonly olderThan: Date
  /** Of each endpoint, at most so many of the newest are kept. */
  readonly keepPerEndpoint: number
}

/** What one step of pruning did. */
export interface PruneStep {
  readonly removed: number
  /** Where the next step goes on; undefined: all endpoints have been seen. */
  readonly next: string | undefined
}

/** Endpoints that one step looks at. */
const ENDPOINTS_PER_STEP = 25

/** Rows that one step removes at most, so that no statement takes long. */
const ROWS_PER_STEP = 5_000

/** One step at a time in all processes; the number is arbitrary and must never change. */
const PRUNE_LOCK = '7303014771928336514'

/** Writes the history of what probes found, for all tenants, and prunes it. */
export class HealthCheckLog {
  readonly #session: SystemSession<RegistryDatabase>

  constructor(session: SystemSession<RegistryDatabase>) {
    this.#session = session
  }

  /** Adds what was found. Left out are endpoints that are gone, and a second result of one endpoint at the same millisecond. */
  async append(probes: readonly EndpointProbe[]): Promise<void> {
    const rows = toProbeRows(probes)
    if (rows.length === 0) return
    await sql`
      insert into health_checks (endpoint_id, checked_at, tenant_id, status, era, latency_ms, message)
      select e.id, coalesce(given.probed_at, clock_timestamp()), e.tenant_id, given.status, given.era, given.latency_ms, given.message
      from ${fromProbes(rows)}
      cross join lateral (select id, tenant_id from server_endpoints where id = given.endpoint_id limit 1) e
      on conflict do nothing
    `.execute(this.#session.kysely)
  }

  /**
   * Removes some of what is not kept any more, and everything of endpoints that are gone. To prune all, call it with each
   * step's `next`, each in a session of its own, until that is undefined.
   *
   * @param after `next` of the step before; undefined: the first step.
   * @returns undefined: another process is pruning at this moment.
   */
  async prune(retention: HealthCheckRetention, after?: string): Promise<PruneStep | undefined> {
    const { kysely } = this.#session
    const lock = await sql<{
      ours: boolean
    }>`select pg_try_advisory_xact_lock(${sql.lit(PRUNE_LOCK)}) as ours`.execute(kysely)
    if (lock.rows[0]?.ours !== true) return undefined
    const ids = await this.#endpointsAfter(after ?? FIRST_ENTITY_ID)
    if (ids.length === 0) return { removed: 0, next: undefined }
    const removed = await this.#removeSome(ids, retention)
    if (removed === ROWS_PER_STEP) return { removed, next: after ?? FIRST_ENTITY_ID }
    return { removed, next: ids.length < ENDPOINTS_PER_STEP ? undefined : ids.at(-1) }
  }

  /** The next endpoints that have a history, found by leaping along the key. */
  async #endpointsAfter(after: string): Promise<readonly string[]> {
    const { rows } = await sql<{ id: string }>`
      with recursive walk (id, place) as (
        (select endpoint_id, 1 from health_checks where endpoint_id > ${after}::uuid order by endpoint_id limit 1)
        union all
        select leap.endpoint_id, place + 1 from walk
        cross join lateral (
          select endpoint_id from health_checks where endpoint_id > walk.id order by endpoint_id limit 1
        ) leap
        where place < ${ENDPOINTS_PER_STEP}
      )
      select id from walk order by id
    `.execute(this.#session.kysely)
    return rows.map(({ id }) => id)
  }

  /** By their places, which no row leaves: they are never updated. So the planner has no choice but to go there. */
  async #removeSome(ids: readonly string[], retention: HealthCheckRetention): Promise<number> {
    const { numAffectedRows } = await sql`
      delete from health_checks where ctid = any(array(
        select old.ctid
        from (
          select given.id, case when e.id is null then 'infinity' else greatest(
            ${retention.olderThan}::timestamptz,
            (select checked_at from health_checks where endpoint_id = given.id
              order by checked_at desc offset ${retention.keepPerEndpoint} limit 1)
          ) end as until
          from unnest(${ids}::uuid[]) as given (id) left join server_endpoints e on e.id = given.id
        ) known
        cross join lateral (
          select ctid from health_checks
          where endpoint_id = known.id and checked_at <= known.until order by checked_at limit ${ROWS_PER_STEP}
        ) old
        limit ${ROWS_PER_STEP}
      ))
    `.execute(this.#session.kysely)
    return Number(numAffectedRows ?? 0n)
  }
}
