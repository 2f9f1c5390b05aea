import type { SystemSession } from '@mreg/db-pool'

import { checkLimit } from '../base/page.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'

/** One entry of the change log. */
export interface Change {
  readonly tenantId: string
  /** Grows by exactly one with each change of the tenant; a gap means that older entries were pruned. */
  readonly revision: number
  /**
   * What happened: `server_created`, `server_updated`, `server_deleted`, `server_status` or `server_grant`;
   * `capabilities_updated`; `toolset_…`, `api_key_…` and `policy_…` with `created`, `updated` or `deleted`;
   * `exposed_names_added`. A newer version may write kinds that this code does not know.
   */
  readonly kind: string
  /** Of the server, toolset, key or policy; for `capabilities_updated` the server; for `exposed_names_added` the server's slug. */
  readonly objectId: string
}

/** Reads the change log of all tenants. Entries become visible in the order of their revisions. */
export class ChangeRepository {
  readonly #session: SystemSession<RegistryDatabase>

  constructor(session: SystemSession<RegistryDatabase>) {
    this.#session = session
  }

  /** The revision that each tenant is at; 0 for one in which nothing has changed yet. */
  async revisions(): Promise<Map<string, number>> {
    const rows = await this.#session.kysely.selectFrom('tenants').select(['id', 'revision']).execute()
    return new Map(rows.map(({ id, revision }) => [id, revision]))
  }

  /** Up to `limit` (1 to 1,000) changes of one tenant past `revision`, oldest first. */
  async since(tenantId: string, revision: number, limit: number): Promise<readonly Change[]> {
    checkLimit(limit)
    const rows = await this.#session.kysely
      .selectFrom('changes')
      .select(['revision', 'kind', 'object_id'])
      .where('tenant_id', '=', tenantId)
      .where('revision', '>', revision)
      .orderBy('revision')
      .limit(limit)
      .execute()
    return rows.map((row) => ({ tenantId, revision: row.revision, kind: row.kind, objectId: row.object_id }))
  }
}
