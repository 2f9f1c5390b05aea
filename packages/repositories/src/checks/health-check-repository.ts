import type { EndpointProbe, ServerStatus } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { decodeCursor, encodeCursor, invalidCursor } from '../base/cursor.ts'
import { isEntityId } from '../base/entity-id.ts'
import { checkLimit, type Page, type PageRequest } from '../base/page.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import type { HealthCheck } from './health-check.ts'

interface Row {
  readonly endpoint_id: string
  readonly checked_at: Date
  readonly status: ServerStatus
  readonly era: EndpointProbe['era'] | null
  readonly latency_ms: number | null
  readonly message: string | null
}

/** Reads what the probes of a tenant's servers found over time. */
export class HealthCheckRepository {
  readonly #session: TenantSession<RegistryDatabase>

  constructor(session: TenantSession<RegistryDatabase>) {
    this.#session = session
  }

  /**
   * One page of what was found at all endpoints of a server, newest first. None when there is no such server in this tenant.
   *
   * @throws {ValidationError} `limit` or `cursor` is not good.
   */
  async listForServer(serverId: string, { limit, cursor }: PageRequest): Promise<Page<HealthCheck>> {
    checkLimit(limit)
    const [before, beforeId] = cursor === undefined ? [null, null] : readCursor(cursor)
    if (!isEntityId(serverId)) return { items: [], nextCursor: undefined }
    // Each endpoint gives its newest along the key; so many are read as there are endpoints and places, however long the history.
    const { rows } = await sql<Row>`
      select h.* from server_endpoints e
      cross join lateral (
        select endpoint_id, checked_at, status, era, latency_ms, message from health_checks
        where endpoint_id = e.id and checked_at <= coalesce(${before}::timestamptz, 'infinity')
          and (${before}::timestamptz is null or checked_at < ${before}::timestamptz or endpoint_id < ${beforeId}::uuid)
        order by checked_at desc limit ${limit + 1}
      ) h
      where e.tenant_id = ${this.#session.tenantId} and e.server_id = ${serverId}
      order by h.checked_at desc, h.endpoint_id desc limit ${limit + 1}
    `.execute(this.#session.kysely)
    const items = rows.slice(0, limit).map(toHealthCheck)
    const last = items.at(-1)
    const more = rows.length > limit && last !== undefined
    return {
      items,
      nextCursor: more ? encodeCursor([last.checkedAt.toISOString(), last.endpointId]) : undefined,
    }
  }
}

const toHealthCheck = (row: Row): HealthCheck => ({
  endpointId: row.endpoint_id,
  status: row.status,
  era: row.era ?? undefined,
  latencyMs: row.latency_ms ?? undefined,
  message: row.message ?? undefined,
  checkedAt: row.checked_at,
})

const readCursor = (cursor: string): readonly [Date, string] => {
  const [time = '', endpointId = ''] = decodeCursor(cursor, 2)
  const date = new Date(time)
  if (Number.isNaN(date.getTime()) || date.toISOString() !== time || !isEntityId(endpointId)) {
    throw invalidCursor()
  }
  return [date, endpointId]
}
