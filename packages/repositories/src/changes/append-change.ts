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
export const appendChange = (
  session: TenantSession<RegistryDatabase>,
  kind: string,
  objectId: string,
): Promise<void> => appendChanges(session, kind, [objectId])

/** Writes an entry for each of the objects, of which there is at least one, and tells whoever listens once. */
export const appendChanges = async (
  { kysely, tenantId }: TenantSession<RegistryDatabase>,
  kind: string,
  objectIds: readonly string[],
): Promise<void> => {
  await kysely
    .with('counter', (query) =>
      query
        .updateTable('tenants')
        .set({ revision: sql<number>`revision + ${objectIds.length}` })
        .where('id', '=', tenantId)
        .returning(['id', 'revision']),
    )
    .insertInto('changes')
    .columns(['tenant_id', 'revision', 'kind', 'object_id'])
    .expression((query) =>
      query
        .selectFrom([
          'counter',
          sql<{ object_id: string; place: number }>`unnest(${objectIds}::text[]) with ordinality`.as<'given'>(
            sql`given (object_id, place)`,
          ),
        ])
        .select([
          'counter.id',
          sql<number>`counter.revision - ${objectIds.length} + given.place`.as('revision'),
          sql<string>`${kind}::text`.as('kind'),
          'given.object_id',
        ]),
    )
    .execute()
  await sql`select pg_notify(${CHANGES_CHANNEL}, ${CHANGES_PAYLOAD})`.execute(kysely)
}
