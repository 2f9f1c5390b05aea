import type { SystemSession } from '@mreg/db-pool'
import { type RawBuilder, sql } from 'kysely'

import { firstEntityIdAt } from '../base/entity-id.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'

/** Rows that one step removes at most, so that no statement takes long. */
export const PRUNE_STEP_LENGTH = 1_000

/**
 * Removes what is kept for a time, of all tenants. Each method is one step: while it gives {@link PRUNE_STEP_LENGTH}, there is
 * more; call it again, in a session of its own. (`HealthCheckLog.prune` is the same for the history of probes.) Rows are
 * removed by their places, so that the planner has no choice but to go there; those that somebody changes are locked first.
 */
export class RetentionRepository {
  readonly #session: SystemSession<RegistryDatabase>

  constructor(session: SystemSession<RegistryDatabase>) {
    this.#session = session
  }

  /** Whether nobody else removes anything until the session ends. Several at once would do the same work. */
  async isAlone(): Promise<boolean> {
    const { rows } = await sql<{ alone: boolean }>`
      select pg_try_advisory_xact_lock(hashtext('mreg'), hashtext('retention')) as alone
    `.execute(this.#session.kysely)
    return rows[0]?.alone === true
  }

  /** Events of before `olderThan`. */
  auditEvents(olderThan: Date): Promise<number> {
    return this.#remove(sql`
      delete from audit_events where ctid = any(array(
        select ctid from audit_events where id < ${firstEntityIdAt(olderThan)}::uuid
        order by id limit ${PRUNE_STEP_LENGTH} for update skip locked
      ))
    `)
  }

  /** Keys that were taken before `olderThan`: the same request is a new one from then on. */
  idempotencyKeys(olderThan: Date): Promise<number> {
    return this.#remove(sql`
      delete from idempotency_keys where ctid = any(array(
        select ctid from idempotency_keys where created_at < ${olderThan}::timestamptz
        order by created_at limit ${PRUNE_STEP_LENGTH} for update skip locked
      ))
    `)
  }

  /**
   * Capabilities that have been gone since `olderThan`, and with them what was approved of them: one that comes back is new.
   * Their definitions go by `CapabilityRepository.forgetDefinitions`.
   */
  goneCapabilities(olderThan: Date): Promise<number> {
    return this.#remove(sql`
      delete from capabilities where ctid = any(array(
        select ctid from capabilities where state = 'gone' and last_seen_at < ${olderThan}::timestamptz
        order by last_seen_at limit ${PRUNE_STEP_LENGTH} for update skip locked
      ))
    `)
  }

  /** Entries of the change log of before `olderThan`. A reader that was away for longer finds a gap, and reads everything. */
  changes(olderThan: Date): Promise<number> {
    return this.#remove(sql`
      delete from changes where ctid = any(array(
        select oldest.ctid from tenants t
        cross join lateral (
          select ctid, created_at from changes where tenant_id = t.id order by revision limit ${PRUNE_STEP_LENGTH}
        ) oldest
        where oldest.created_at < ${olderThan}::timestamptz
        limit ${PRUNE_STEP_LENGTH}
      ))
    `)
  }

  async #remove(statement: RawBuilder<unknown>): Promise<number> {
    const { numAffectedRows } = await statement.execute(this.#session.kysely)
    return Number(numAffectedRows ?? 0n)
  }
}
