import type { SystemSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { isEntityId } from '../base/entity-id.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import { CAPABILITY_COLUMNS, type CapabilityRecord, toCapabilityRecord } from './capability.ts'

/** What the servers of all tenants offer, for whoever builds merged lists. */
export class CatalogSnapshotRepository {
  readonly #session: SystemSession<RegistryDatabase>

  constructor(session: SystemSession<RegistryDatabase>) {
    this.#session = session
  }

  /** Everything in all scopes of these servers that is not gone, in the order of server, scope, kind and name. Ask for some servers at a time. */
  async forServers(serverIds: readonly string[]): Promise<readonly CapabilityRecord[]> {
    const rows = await this.#session.kysely
      .selectFrom('capabilities')
      .select(CAPABILITY_COLUMNS)
      .where(sql<boolean>`server_id = any(${serverIds.filter(isEntityId)}::uuid[])`)
      .where('state', '<>', 'gone')
      .orderBy('server_id')
      .orderBy('scope_key')
      .orderBy('kind')
      .orderBy('name')
      .execute()
    return rows.map(toCapabilityRecord)
  }

  /** The definitions of these hashes in one tenant, by hash; those that are not there are left out. */
  async definitions(tenantId: string, hashes: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const rows = await this.#session.kysely
      .selectFrom('definitions')
      .select(['hash', 'body'])
      .where('tenant_id', '=', tenantId)
      .where(sql<boolean>`hash = any(${[...new Set(hashes)]}::text[])`)
      .execute()
    return new Map(rows.map(({ hash, body }) => [hash, body]))
  }
}
