import type { EndpointRecord, ServerRecord } from '@mreg/core'
import type { Selectable } from 'kysely'

import type { ServerEndpointsTable, ServersTable } from '../schema/registry-database.ts'

/** The columns of an endpoint that make an {@link EndpointRecord}. */
export const ENDPOINT_COLUMNS = [
  'id',
  'server_id',
  'transport',
  'url',
  'command',
  'args',
  'cwd',
  'weight',
  'header_names',
  'env_names',
  'secret_id',
] as const satisfies readonly (keyof ServerEndpointsTable)[]

/** The columns of a server that make a record. */
export const SERVER_COLUMNS = [
  'id',
  'tenant_id',
  'slug',
  'title',
  'description',
  'version',
  'tags',
  'visibility',
  'status',
  'maintenance',
  'settings',
  'managed_by',
  'revision',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof ServersTable)[]

/** An endpoint as it is selected. */
export type EndpointRow = Pick<Selectable<ServerEndpointsTable>, (typeof ENDPOINT_COLUMNS)[number]>

/** A server as it is selected. */
export type ServerRow = Pick<Selectable<ServersTable>, (typeof SERVER_COLUMNS)[number]>

export const toEndpointRecord = (row: EndpointRow): EndpointRecord => ({
  id: row.id,
  serverId: row.server_id,
  transport: row.transport,
  url: row.url ?? undefined,
  command: row.command ?? undefined,
  args: row.args ?? undefined,
  cwd: row.cwd ?? undefined,
  weight: row.weight,
  headerNames: row.header_names,
  envNames: row.env_names,
  secretId: row.secret_id ?? undefined,
})

export const toServerRecord = <Endpoint extends EndpointRecord>(
  row: ServerRow,
  endpoints: readonly Endpoint[],
): ServerRecord & { readonly endpoints: readonly Endpoint[] } => ({
  id: row.id,
  tenantId: row.tenant_id,
  slug: row.slug,
  title: row.title ?? undefined,
  description: row.description ?? undefined,
  version: row.version ?? undefined,
  tags: row.tags,
  visibility: row.visibility,
  status: row.status,
  maintenance: row.maintenance,
  settings: row.settings,
  managedBy: row.managed_by,
  revision: row.revision,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  endpoints,
})
