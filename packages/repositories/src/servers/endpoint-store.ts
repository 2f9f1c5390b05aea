import type { EndpointRecord } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'
import { sql } from 'kysely'

import { newEntityId } from '../base/entity-id.ts'
import type { RegistryDatabase } from '../schema/registry-database.ts'
import type { NewEndpoint } from './new-server.ts'

/** Makes the endpoints of a server be exactly `endpoints`; one that names an id of `current` stays what it was. */
export const storeEndpoints = async (
  session: TenantSession<RegistryDatabase>,
  serverId: string,
  current: readonly EndpointRecord[],
  endpoints: readonly NewEndpoint[],
): Promise<void> => {
  const known = new Set(current.map(({ id }) => id))
  const kept = new Set(endpoints.flatMap(({ id }) => (id !== undefined && known.has(id) ? [id] : [])))
  const dropped = current.filter(({ id }) => !kept.has(id)).map(({ id }) => id)
  if (dropped.length > 0) {
    await session.kysely
      .deleteFrom('server_endpoints')
      .where('tenant_id', '=', session.tenantId)
      .where('id', 'in', dropped)
      .execute()
  }
  if (endpoints.length > 0) {
    await session.kysely
      .insertInto('server_endpoints')
      .values(
        endpoints.map((endpoint, position) => ({
          id: endpoint.id !== undefined && kept.has(endpoint.id) ? endpoint.id : newEntityId(),
          tenant_id: session.tenantId,
          server_id: serverId,
          position,
          transport: endpoint.transport,
          url: endpoint.url ?? null,
          command: endpoint.command ?? null,
          args: endpoint.args === undefined ? null : [...endpoint.args],
          cwd: endpoint.cwd ?? null,
          weight: endpoint.weight ?? 1,
          header_names: [...(endpoint.headerNames ?? [])],
          env_names: [...(endpoint.envNames ?? [])],
          secret_id: endpoint.secretId ?? null,
        })),
      )
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((eb) => ({
          position: eb.ref('excluded.position'),
          transport: eb.ref('excluded.transport'),
          url: eb.ref('excluded.url'),
          command: eb.ref('excluded.command'),
          args: eb.ref('excluded.args'),
          cwd: eb.ref('excluded.cwd'),
          weight: eb.ref('excluded.weight'),
          header_names: eb.ref('excluded.header_names'),
          env_names: eb.ref('excluded.env_names'),
          secret_id: eb.ref('excluded.secret_id'),
        })),
      )
      .execute()
  }
  await dropUnusedSecrets(session, current)
}

/** Removes the secrets that `former` endpoints named and that no endpoint names any more. */
export const dropUnusedSecrets = async (
  { kysely, tenantId }: TenantSession<RegistryDatabase>,
  former: readonly EndpointRecord[],
): Promise<void> => {
  const candidates = former.flatMap(({ secretId }) => (secretId === undefined ? [] : [secretId]))
  if (candidates.length > 0) {
    await kysely
      .deleteFrom('secrets')
      .where('tenant_id', '=', tenantId)
      .where('id', 'in', candidates)
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('server_endpoints')
              .select(sql<number>`1`.as('used'))
              .where('server_endpoints.tenant_id', '=', tenantId)
              .whereRef('server_endpoints.secret_id', '=', 'secrets.id'),
          ),
        ),
      )
      .execute()
  }
}
