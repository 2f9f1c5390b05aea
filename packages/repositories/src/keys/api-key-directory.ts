import type { SystemSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { allPages, BATCH_LENGTH } from '../base/all-pages.ts'
import { FIRST_ENTITY_ID, isEntityId } from '../base/entity-id.ts'
import { isStorableText } from '../base/storable-text.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import { API_KEY_COLUMNS, type StoredApiKey, toApiKeyRecord } from './api-key.ts'

/** The keys of all tenants with their hashes, for whoever checks who is asking. */
export class ApiKeyDirectory {
  readonly #session: SystemSession<RegistryDatabase>

  constructor(session: SystemSession<RegistryDatabase>) {
    this.#session = session
  }

  /** undefined: there is none. It may have expired or have been revoked. */
  async findByLookupId(lookupId: string): Promise<StoredApiKey | undefined> {
    if (!isStorableText(lookupId)) return undefined
    const row = await this.#select().where('lookup_id', '=', lookupId).executeTakeFirst()
    return row === undefined ? undefined : { ...toApiKeyRecord(row), hash: row.hash }
  }

  /** Those of `ids` that exist, in no particular order: for a gateway that follows the change log. */
  async byIds(ids: readonly string[]): Promise<readonly StoredApiKey[]> {
    const rows = await this.#select()
      .where(sql<boolean>`id = any(${ids.filter(isEntityId)}::uuid[])`)
      .execute()
    return rows.map((row) => ({ ...toApiKeyRecord(row), hash: row.hash }))
  }

  /** All of them: for a gateway that starts. */
  all(): Promise<readonly StoredApiKey[]> {
    return allPages(async (afterId = FIRST_ENTITY_ID) => {
      const rows = await this.#select().where('id', '>', afterId).orderBy('id').limit(BATCH_LENGTH).execute()
      return rows.map((row) => ({ ...toApiKeyRecord(row), hash: row.hash }))
    })
  }

  /** Notes when keys were used last. It is no change of the key: collect them, and write them every minute or so. */
  async markUsed(uses: ReadonlyMap<string, Date>): Promise<void> {
    const known = [...uses].filter(([id]) => isEntityId(id))
    const times = JSON.stringify(Object.fromEntries(known))
    await sql`
      update api_keys
      set last_used_at = greatest(last_used_at, (${times}::jsonb ->> id::text)::timestamptz)
      where id = any(${known.map(([id]) => id)}::uuid[])
    `.execute(this.#session.kysely)
  }

  #select() {
    return this.#session.kysely.selectFrom('api_keys').select(API_KEY_COLUMNS).select('hash')
  }
}
