import type { TenantSession } from '@mreg/db-pool'
import { type RawBuilder, sql } from 'kysely'

import type { RegistryDatabase } from '../schema/registry-database.ts'
import type { ServerFilter } from './new-server.ts'

/** So many characters in a row are one entry of the search index. */
const GRAM_LENGTH = 3

/**
 * A query for the ids of at most `limit` of the tenant's servers that match `filter` and come after the slug `after`, in the
 * order of their slugs.
 *
 * It goes through the view that is allowed to use all indexes. Whether it walks along the slugs or looks up what is rare is
 * the planner's choice, from how often the words occur.
 */
export const idsOfServers = (
  { tenantId }: TenantSession<RegistryDatabase>,
  filter: ServerFilter,
  after: string | undefined,
  limit: number,
): RawBuilder<string> => {
  const conditions = [
    sql`v.tenant_id = ${tenantId}`,
    ...(after === undefined ? [] : [sql`v.slug > ${after}`]),
    ...conditionsOf(filter, tenantId),
  ]
  return sql`(select v.id from server_search v where ${sql.join(conditions, sql` and `)} order by v.slug limit ${limit})`
}

function* conditionsOf(
  { q, tag, transport, status, capability }: ServerFilter,
  tenantId: string,
): Generator<RawBuilder<unknown>> {
  if (status !== undefined) yield sql`v.status = ${status}`
  if (tag !== undefined) yield sql`v.tags @> array[${tag}::text]`
  if (transport !== undefined) {
    yield sql`exists (
      select from server_endpoints e where e.tenant_id = ${tenantId} and e.server_id = v.id and e.transport = ${transport}
    )`
  }
  if (capability !== undefined) {
    yield sql`exists (
      select from capabilities c where c.tenant_id = ${tenantId} and c.server_id = v.id and c.name = ${capability}
        and c.scope_key = '' and c.state in ('accepted', 'changed')
    )`
  }
  if (q !== undefined) {
    // The index finds texts that have all the pieces; whether they are in one piece is seen in the text.
    if (Array.from(q).length >= GRAM_LENGTH) yield sql`v.grams @> search_grams(${q})`
    const pattern = `%${q.replaceAll(/[\\%_]/gu, String.raw`\$&`)}%`
    yield sql`(v.slug ilike ${pattern} or v.title ilike ${pattern} or v.description ilike ${pattern})`
  }
}
