import type { TenantSession } from '@mreg/db-pool'
import type { SelectQueryBuilder } from 'kysely'
import { jsonArrayFrom } from 'kysely/helpers/postgres'

import type { RegistryDatabase } from '../schema/registry-database.ts'
import { ENDPOINT_COLUMNS, type EndpointRow, SERVER_COLUMNS, type ServerRow } from './server-row.ts'

export type ServerQuery = SelectQueryBuilder<
  RegistryDatabase,
  'servers',
  ServerRow & { readonly endpoints: EndpointRow[] }
>

/** The tenant's servers, each with its endpoints in their order. */
export const selectServers = ({ kysely, tenantId }: TenantSession<RegistryDatabase>): ServerQuery =>
  kysely
    .selectFrom('servers')
    .select(SERVER_COLUMNS.map((column) => `servers.${column}` as const))
    .select((eb) =>
      jsonArrayFrom(
        eb
          .selectFrom('server_endpoints')
          .select(ENDPOINT_COLUMNS)
          .whereRef('server_endpoints.server_id', '=', 'servers.id')
          .orderBy('server_endpoints.position'),
      ).as('endpoints'),
    )
    .where('servers.tenant_id', '=', tenantId)
