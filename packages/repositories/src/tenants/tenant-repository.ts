import type { SystemSession } from '@mreg/db-pool'

import { isStorableText } from '../base/storable-text.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'

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

  /** undefined: there is none. */
  async getById(id: string): Promise<TenantRecord | undefined> {
    if (!isStorableText(id)) return undefined
    const row = await this.#session.kysely
      .selectFrom('tenants')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
    return row === undefined ? undefined : { id: row.id, revision: row.revision, createdAt: row.created_at }
  }

  /** All of them, in the order of their ids. */
  async list(): Promise<readonly TenantRecord[]> {
    const rows = await this.#session.kysely.selectFrom('tenants').selectAll().orderBy('id').execute()
    return rows.map((row) => ({ id: row.id, revision: row.revision, createdAt: row.created_at }))
  }
}
