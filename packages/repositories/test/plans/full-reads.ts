import type { RegistryDatabase } from '@mreg/repositories'
import { type Kysely, sql } from 'kysely'

/** How often each table was read from end to end on this connection, as far as it has not been reported yet. */
const fullReads = async (kysely: Kysely<RegistryDatabase>): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await sql<{ name: string; count: number }>`
    select relname as name, seq_scan as count from pg_stat_xact_user_tables
  `.execute(kysely)
  return new Map(rows.map(({ name, count }) => [name, count]))
}

/** There are as many rows as tenants: reading them all at once is quicker than any index. */
const SMALL = new Set(['tenants', 'server_counts'])

/** The tables that `work` reads from end to end, but for the small ones. */
export const tablesReadWhole = async (
  kysely: Kysely<RegistryDatabase>,
  work: () => Promise<unknown>,
): Promise<readonly string[]> => {
  const before = await fullReads(kysely)
  await work()
  const after = await fullReads(kysely)
  return [...after].flatMap(([name, count]) =>
    count > (before.get(name) ?? 0) && !SMALL.has(name) ? [name] : [],
  )
}
