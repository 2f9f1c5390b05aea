import type { TenantSession } from '@mreg/db-pool'
import { type Selectable, sql } from 'kysely'

import { decodeCursor, encodeCursor, requireCursorId } from '../base/cursor.ts'
import { firstEntityIdAt, isEntityId, timeOfEntityId } from '../base/entity-id.ts'
import { checkLimit, type Page, type PageRequest } from '../base/page.ts'
import { requireStorable } from '../base/storable-text.ts'
import type { AuditEventsTable } from '../schema/access-tables.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import type { AuditEvent, AuditFilter, AuditRecord } from './audit-event.ts'

/** What was done in one tenant. Events are added and read; nothing changes them, and age alone removes them. */
export class AuditEventRepository {
  readonly #session: TenantSession<RegistryDatabase>

  constructor(session: TenantSession<RegistryDatabase>) {
    this.#session = session
  }

  /**
   * Adds events. One whose id is there already is left out, so whoever is not sure whether it was added adds it again.
   *
   * @returns how many were new.
   * @throws {ValidationError} a text cannot be stored.
   * @throws {RangeError} an id is none.
   */
  async append(events: readonly AuditEvent[]): Promise<number> {
    requireStorable(events)
    const malformed = events.find(({ id }) => !isEntityId(id))
    if (malformed !== undefined)
      throw new RangeError(`the id of an event must be an entity id: ${malformed.id}`)
    if (events.length === 0) return 0
    // One parameter for all of them: a statement of thousands takes long to make, to read and to plan.
    const rows = events.map((event) => ({ ...event, occurredAt: timeOfEntityId(event.id) }))
    const { numAffectedRows } = await sql`
      insert into audit_events
        (id, tenant_id, occurred_at, principal_id, action, object_id, outcome, request_id, details)
      select id, ${this.#session.tenantId}, "occurredAt", "principalId", action, "objectId", outcome, "requestId", details
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given
        (id uuid, "occurredAt" timestamptz, "principalId" text, action text, "objectId" text, outcome text,
          "requestId" text, details jsonb)
      on conflict do nothing
    `.execute(this.#session.kysely)
    return Number(numAffectedRows ?? 0n)
  }

  /**
   * One page of the events, newest first.
   *
   * @throws {ValidationError} `limit`, `cursor` or a filter is not good.
   */
  async list({ limit, cursor, ...filter }: PageRequest & AuditFilter): Promise<Page<AuditRecord>> {
    checkLimit(limit)
    requireStorable(filter)
    const { principalId, action, objectId, from, until } = filter
    let query = this.#session.kysely
      .selectFrom('audit_events')
      .selectAll()
      .where('tenant_id', '=', this.#session.tenantId)
    if (cursor !== undefined) {
      query = query.where('id', '<', requireCursorId(decodeCursor(cursor, 1)[0] ?? ''))
    }
    if (principalId !== undefined) query = query.where('principal_id', '=', principalId)
    if (action !== undefined) query = query.where('action', '=', action)
    if (objectId !== undefined) query = query.where('object_id', '=', objectId)
    if (from !== undefined) query = query.where('id', '>=', firstEntityIdAt(from))
    if (until !== undefined) query = query.where('id', '<', firstEntityIdAt(until))
    const rows = await query
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute()
    const items = rows.slice(0, limit).map(toAuditRecord)
    const last = items.at(-1)
    return {
      items,
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.id]) : undefined,
    }
  }
}

const toAuditRecord = (row: Selectable<AuditEventsTable>): AuditRecord => ({
  id: row.id,
  occurredAt: row.occurred_at,
  principalId: row.principal_id,
  action: row.action,
  objectId: row.object_id ?? undefined,
  outcome: row.outcome,
  requestId: row.request_id ?? undefined,
  details: row.details,
})
