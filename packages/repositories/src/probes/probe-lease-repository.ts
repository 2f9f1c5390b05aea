import type { SystemSession } from '@mreg/db-pool'
import { type RawBuilder, sql } from 'kysely'

import type { RegistryDatabase } from '../schema/registry-database.ts'

/** The right to probe one endpoint, for a while. */
export interface ProbeLease {
  readonly endpointId: string
  /** Grows with each lease of the endpoint. What is written under an older one is refused. */
  readonly fencingToken: number
}

/**
 * Who probes which endpoint. Any number of processes share the endpoints that are due: each lease is given to one of them, and
 * ends when its result is recorded, when it is given back, or by itself. The clock of the database decides, no other.
 */
export class ProbeLeaseRepository {
  readonly #kysely: SystemSession<RegistryDatabase>['kysely']

  constructor(session: SystemSession<RegistryDatabase>) {
    this.#kysely = session.kysely
  }

  /**
   * Takes up to `limit` endpoints that are due, those first that are due longest. Nobody waits for others who take some at
   * the same time.
   *
   * @param owner who takes them; for people who look at the table.
   * @param leaseMs until they are given to somebody else, in milliseconds.
   */
  async claim(owner: string, limit: number, leaseMs: number): Promise<readonly ProbeLease[]> {
    const { rows } = await sql<LeaseRow>`
      with due as materialized (
        select endpoint_id from endpoint_probes
        where next_probe_at <= statement_timestamp()
          and (lease_expires_at is null or lease_expires_at <= statement_timestamp())
        order by next_probe_at limit ${limit} for update skip locked
      )
      update endpoint_probes p
      set lease_owner = ${owner}, fencing_token = p.fencing_token + 1, ${until(leaseMs)}
      from due where p.endpoint_id = due.endpoint_id
      returning p.endpoint_id, p.fencing_token
    `.execute(this.#kysely)
    return rows.map(toLease)
  }

  /** In how many milliseconds the next endpoint is due, or its lease ends; negative: it is due. undefined: there is none. */
  async nextDueMs(): Promise<number | undefined> {
    const { rows } = await sql<{ ms: number | null }>`
      select extract(epoch from min(next_probe_at) - clock_timestamp())::float8 * 1000 as ms
      from endpoint_probes where next_probe_at < 'infinity'
    `.execute(this.#kysely)
    return rows[0]?.ms ?? undefined
  }

  /** Makes leases last `leaseMs` from now on. Gives those that are still held; the others have ended or are somebody else's. */
  async renew(leases: readonly ProbeLease[], leaseMs: number): Promise<readonly ProbeLease[]> {
    if (leases.length === 0) return []
    const { rows } = await sql<LeaseRow>`
      update endpoint_probes p set ${until(leaseMs)}
      from ${given(leases)} where ${isHeld} returning p.endpoint_id, p.fencing_token
    `.execute(this.#kysely)
    return rows.map(toLease)
  }

  /** Gives leases back without a result; the endpoints are due after `dueInMs`. Those that are not held any more are left alone. */
  async release(leases: readonly ProbeLease[], dueInMs: number): Promise<void> {
    if (leases.length === 0) return
    await sql`
      update endpoint_probes p
      set lease_owner = null, lease_expires_at = null,
        next_probe_at = clock_timestamp() + ${dueInMs}::float8 * interval '1 millisecond'
      from ${given(leases)} where ${isHeld}
    `.execute(this.#kysely)
  }
}

interface LeaseRow {
  readonly endpoint_id: string
  readonly fencing_token: number
}

const toLease = (row: LeaseRow): ProbeLease => ({
  endpointId: row.endpoint_id,
  fencingToken: row.fencing_token,
})

/** A lease that has ended is due again, so that one index finds both. */
const until = (leaseMs: number): RawBuilder<unknown> => sql`
  lease_expires_at = clock_timestamp() + ${leaseMs}::float8 * interval '1 millisecond',
  next_probe_at = clock_timestamp() + ${leaseMs}::float8 * interval '1 millisecond'`

const given = (leases: readonly ProbeLease[]): RawBuilder<unknown> => sql`
  unnest(${leases.map(({ endpointId }) => endpointId)}::uuid[], ${leases.map(({ fencingToken }) => fencingToken)}::bigint[])
    as given (endpoint_id, fencing_token)`

const isHeld = sql`
  p.endpoint_id = given.endpoint_id and p.fencing_token = given.fencing_token and p.lease_expires_at > clock_timestamp()`
