import type { SystemSession } from '@mreg/db-pool'
import type { Selectable } from 'kysely'

import { decodeCursor, encodeCursor } from '../base/cursor.ts'
import { checkLimit, type Page, type PageRequest } from '../base/page.ts'
import { isStorableText } from '../base/storable-text.ts'
import type { RegistryDatabase, TenantsTable } from '../schema/registry-database.ts'

/** One tenant. */
export interface TenantRecord {
  readonly id: string
  /** Of its last change; 0 when nothing has changed yet. */
  readonly revision: number
  readonly createdAt: Date
}

/** All tenants. */
export class TenantRepository {
  readonly #session: SystemSession<RegistryDatabase>

  constructor(session: SystemSession<RegistryDatabase>) {
    this.#session = session
  }

  /** Makes the tenant unless it is there; any number of processes may do so at once. */
  async ensure(id: string): Promise<void> {
    await this.#session.kysely
      .insertInto('tenants')
      .values({ id })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute()
  }

  /** @returns undefined: it is there already. */
  async create(id: string): Promise<TenantRecord | undefined> {
    const row = await this.#session.kysely
      .insertInto('tenants')
      .values({ id })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .returningAll()
      .executeTakeFirst()
    return row && toTenantRecord(row)
  }

  /**
   * One page of them, in the order of their ids.
   *
   * @throws {ValidationError} `limit` or `cursor` is not good.
   */
  async page({ limit, cursor }: PageRequest): Promise<Page<TenantRecord>> {
    checkLimit(limit)
    const after = cursor === undefined ? '' : (decodeCursor(cursor, 1)[0] ?? '')
    const rows = await this.#session.kysely
      .selectFrom('tenants')
      .selectAll()
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit + 1)
      .execute()
    const items = rows.slice(0, limit).map(toTenantRecord)
    const last = items.at(-1)
    return {
      items,
      nextCursor: rows.length > limit && last !== undefined ? encodeCursor([last.id]) : undefined,
    }
  }

  /** undefined: there is none. */
  async getById(id: string): Promise<TenantRecord | undefined> {
    if (!isStorableText(id)) return undefined
    const row = await this.#session.kysely
      .selectFrom('tenants')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
    return row && toTenantRecord(row)
  }

  /** All of them, in the order of their ids. */
  async list(): Promise<readonly TenantRecord[]> {
    const rows = await this.#session.kysely.selectFrom('tenants').selectAll().orderBy('id').execute()
    return rows.map(toTenantRecord)
  }
}

const toTenantRecord = (row: Selectable<TenantsTable>): TenantRecord => ({
  id: row.id,
  revision: row.revision,
  createdAt: row.created_at,
})
