import { NotFoundError } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import type { RegistryDatabase } from '../schema/registry-database.ts'

/** The channel that says that the change log has grown; the payload is always {@link CHANGES_PAYLOAD}. */
export const CHANGES_CHANNEL = 'mreg_changes'

/** Look for yourself: what changed is in the log, so a lost notification loses nothing. */
export const CHANGES_PAYLOAD = 'look'

/**
 * Makes this transaction the only one that changes the tenant, until it ends. Writers call it before they
 * touch anything: they then commit in the order of their revisions, and cannot deadlock with each other.
 *
 * @throws {NotFoundError} code `tenant_not_found`.
 */
export const lockTenant = async ({ kysely, tenantId }: TenantSession<RegistryDatabase>): Promise<void> => {
  const row = await kysely
    .selectFrom('tenants')
    .select('id')
    .where('id', '=', tenantId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (row === undefined) {
    throw new NotFoundError('tenant_not_found', `there is no tenant "${tenantId}"`)
  }
}

/** Writes the next entry of the tenant's change log and tells whoever listens. */
export const appendChange = async (
  { kysely, tenantId }: TenantSession<RegistryDatabase>,
  kind: string,
  objectId: string,
): Promise<void> => {
  await kysely
    .with('counter', (query) =>
      query
        .updateTable('tenants')
        .set({ revision: sql<number>`revision + 1` })
        .where('id', '=', tenantId)
        .returning(['id', 'revision']),
    )
    .insertInto('changes')
    .columns(['tenant_id', 'revision', 'kind', 'object_id'])
    .expression((query) =>
      query
        .selectFrom('counter')
        .select([
          'id',
          'revision',
          sql<string>`${kind}::text`.as('kind'),
          sql<string>`${objectId}::text`.as('object_id'),
        ]),
    )
    .execute()
  await sql`select pg_notify(${CHANGES_CHANNEL}, ${CHANGES_PAYLOAD})`.execute(kysely)
}
