import { type Principal, requireRole } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import {
  AuditEventRepository,
  type AuditFilter,
  type AuditRecord,
  type RegistryDatabase,
} from '@mreg/repositories'

/** An event as whoever reads them sees it. */
export interface AuditView {
  /** Unique; of the same event always the same. */
  readonly id: string
  readonly occurredAt: string
  readonly principalId: string
  readonly action: string
  readonly objectId?: string
  readonly outcome: 'success' | 'denied' | 'failure'
  readonly requestId?: string
  readonly details: Readonly<Record<string, unknown>>
}

/** Which events, and which page of them. */
export interface AuditQuery extends AuditFilter {
  readonly limit: number
  readonly cursor?: string | undefined
}

const EXPORT_PAGE_LENGTH = 500

/** What was done in a tenant, for its administrators. */
export class AuditLog {
  readonly #database: DatabasePool<RegistryDatabase>

  constructor(database: DatabasePool<RegistryDatabase>) {
    this.#database = database
  }

  /**
   * A page of the events, newest first.
   *
   * @throws {ForbiddenError} `role_too_low`.
   * @throws {ValidationError} `limit`, `cursor` or a filter is not good.
   */
  async list(
    principal: Principal,
    query: AuditQuery,
  ): Promise<{ readonly items: AuditView[]; readonly nextCursor?: string }> {
    requireRole(principal, 'admin')
    const { items, nextCursor } = await this.#page(principal, query)
    const views = items.map(auditView)
    return nextCursor === undefined ? { items: views } : { items: views, nextCursor }
  }

  /**
   * All events, newest first, one JSON object a line. Each page is read by itself: no transaction lasts as long as the reader
   * takes.
   *
   * @throws {ForbiddenError} `role_too_low`, at the first line.
   */
  async *export(principal: Principal, filter: AuditFilter): AsyncGenerator<string, void, undefined> {
    requireRole(principal, 'admin')
    let cursor: string | undefined
    do {
      const page = await this.#page(principal, { ...filter, limit: EXPORT_PAGE_LENGTH, cursor })
      if (page.items.length > 0)
        yield page.items.map((record) => `${JSON.stringify(auditView(record))}\n`).join('')
      cursor = page.nextCursor
    } while (cursor !== undefined)
  }

  #page(
    { tenantId }: Principal,
    query: AuditQuery,
  ): Promise<{ readonly items: readonly AuditRecord[]; readonly nextCursor: string | undefined }> {
    return this.#database.tenantSession(tenantId, (session) => new AuditEventRepository(session).list(query))
  }
}

const auditView = (record: AuditRecord): AuditView => {
  const { action, details, id, objectId, occurredAt, outcome, principalId, requestId } = record
  return {
    id,
    occurredAt: occurredAt.toISOString(),
    principalId,
    action,
    ...(objectId === undefined ? {} : { objectId }),
    outcome,
    ...(requestId === undefined ? {} : { requestId }),
    details,
  }
}
