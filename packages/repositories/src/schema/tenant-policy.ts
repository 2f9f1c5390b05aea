import { type Kysely, sql } from 'kysely'

import { TENANT_ROLE, TENANT_SETTING } from './tenant-door.ts'

/** What tenant sessions may do with a table. */
export interface TenantPolicy {
  readonly table: string
  /** The column that holds the tenant. */
  readonly tenantColumn: string
  readonly privileges: string
}

/** Lets tenant sessions use a table, and shows them the rows of their own tenant only. */
export const applyTenantPolicy = async (
  kysely: Kysely<unknown>,
  { table, tenantColumn, privileges }: TenantPolicy,
): Promise<void> => {
  // In a sub-select the setting is read once for a statement, not once for a row. Unset, it is null or empty and no row matches.
  const own = sql`${sql.id(tenantColumn)} = (select current_setting(${sql.lit(TENANT_SETTING)}, true))`
  await sql`alter table ${sql.table(table)} enable row level security`.execute(kysely)
  await sql`create policy tenant on ${sql.table(table)} to ${sql.id(TENANT_ROLE)} using (${own}) with check (${own})`.execute(
    kysely,
  )
  await sql`grant ${sql.raw(privileges)} on ${sql.table(table)} to ${sql.id(TENANT_ROLE)}`.execute(kysely)
}
