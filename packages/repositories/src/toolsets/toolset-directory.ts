import type { SystemSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { allPages, BATCH_LENGTH } from '../base/all-pages.ts'
import { FIRST_ENTITY_ID, isEntityId } from '../base/entity-id.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import { selectToolsets, toToolsetRecord } from './toolset-rows.ts'
import type { ToolsetRecord } from './toolset.ts'

/** The toolsets of all tenants, for whoever serves them. */
export class ToolsetDirectory {
  readonly #session: SystemSession<RegistryDatabase>

  constructor(session: SystemSession<RegistryDatabase>) {
    this.#session = session
  }

  /** Those of `ids` that exist, in no particular order: for a gateway that follows the change log. */
  async byIds(ids: readonly string[]): Promise<readonly ToolsetRecord[]> {
    const rows = await selectToolsets(this.#session.kysely)
      .where(sql<boolean>`toolsets.id = any(${ids.filter(isEntityId)}::uuid[])`)
      .execute()
    return rows.map(toToolsetRecord)
  }

  /** All of them: for a gateway that starts. */
  all(): Promise<readonly ToolsetRecord[]> {
    return allPages(async (afterId = FIRST_ENTITY_ID) => {
      const rows = await selectToolsets(this.#session.kysely)
        .where('toolsets.id', '>', afterId)
        .orderBy('toolsets.id')
        .limit(BATCH_LENGTH)
        .execute()
      return rows.map(toToolsetRecord)
    })
  }
}
