import type { SystemSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { allPages, BATCH_LENGTH } from '../base/all-pages.ts'
import { FIRST_ENTITY_ID, isEntityId } from '../base/entity-id.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import { type PolicyRecord, toPolicyRecord } from './policy.ts'

/** The policies of all tenants, for whoever decides who may do what. */
export class PolicyDirectory {
  readonly #session: SystemSession<RegistryDatabase>

  constructor(session: SystemSession<RegistryDatabase>) {
    this.#session = session
  }

  /** Those of `ids` that exist, in no particular order: for a gateway that follows the change log. */
  async byIds(ids: readonly string[]): Promise<readonly PolicyRecord[]> {
    const rows = await this.#session.kysely
      .selectFrom('policies')
      .selectAll()
      .where(sql<boolean>`id = any(${ids.filter(isEntityId)}::uuid[])`)
      .execute()
    return rows.map(toPolicyRecord)
  }

  /** All of them: for a gateway that starts. */
  all(): Promise<readonly PolicyRecord[]> {
    return allPages(async (afterId = FIRST_ENTITY_ID) => {
      const rows = await this.#session.kysely
        .selectFrom('policies')
        .selectAll()
        .where('id', '>', afterId)
        .orderBy('id')
        .limit(BATCH_LENGTH)
        .execute()
      return rows.map(toPolicyRecord)
    })
  }
}
