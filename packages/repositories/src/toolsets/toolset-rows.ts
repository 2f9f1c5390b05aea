import type { Insertable, Kysely, Selectable, SelectQueryBuilder } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/postgres'

import type { ToolsetItemsTable, ToolsetsTable } from '../schema/catalog-tables.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import type { ToolsetItem, ToolsetRecord } from './toolset.ts'

const ITEM_COLUMNS = [
  'effect',
  'server_slug',
  'tag',
  'name_pattern',
  'read_only_only',
  'rename',
  'description',
] as const satisfies readonly (keyof ToolsetItemsTable)[]

type ItemRow = Pick<Selectable<ToolsetItemsTable>, (typeof ITEM_COLUMNS)[number]>

/** A toolset as it is selected. */
type ToolsetRow = Selectable<ToolsetsTable> & { readonly items: ItemRow[] }

/** Toolsets, each with its items in their order. */
export const selectToolsets = (
  kysely: Kysely<RegistryDatabase>,
): SelectQueryBuilder<RegistryDatabase, 'toolsets', ToolsetRow> =>
  kysely
    .selectFrom('toolsets')
    .selectAll('toolsets')
    .select((eb) =>
      jsonArrayFrom(
        eb
          .selectFrom('toolset_items')
          .select(ITEM_COLUMNS)
          .whereRef('toolset_items.toolset_id', '=', 'toolsets.id')
          .orderBy('toolset_items.position'),
      ).as('items'),
    )

export const toToolsetRecord = ({ items, ...row }: ToolsetRow): ToolsetRecord => ({
  id: row.id,
  tenantId: row.tenant_id,
  slug: row.slug,
  title: row.title ?? undefined,
  description: row.description ?? undefined,
  managedBy: row.managed_by,
  revision: row.revision,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  items: items.map(toItem),
})

const toItem = (row: ItemRow): ToolsetItem => ({
  effect: row.effect,
  serverSlug: row.server_slug ?? undefined,
  tag: row.tag ?? undefined,
  namePattern: row.name_pattern ?? undefined,
  readOnlyOnly: row.read_only_only,
  rename: row.rename ?? undefined,
  description: row.description ?? undefined,
})

/** The items of a toolset as rows. */
export const toItemRows = (
  tenantId: string,
  toolsetId: string,
  items: readonly ToolsetItem[],
): Insertable<ToolsetItemsTable>[] =>
  items.map((item, position) => ({
    tenant_id: tenantId,
    toolset_id: toolsetId,
    position,
    effect: item.effect,
    server_slug: item.serverSlug ?? null,
    tag: item.tag ?? null,
    name_pattern: item.namePattern ?? null,
    read_only_only: item.readOnlyOnly ?? false,
    rename: item.rename ?? null,
    description: item.description ?? null,
  }))
