import { type RawBuilder, sql } from 'kysely'

import { newEntityId } from '../../src/index.ts'
import type { RegistryPool } from '../contract/registry.ts'

type Session = Parameters<Parameters<RegistryPool['tenantSession']>[1]>[0]

/**
 * What the version with the migrations 0001 and 0002 does to a tenant, statement for statement: two servers are registered,
 * one with three endpoints; it is found healthy and changed, and loses an endpoint; a third server comes and goes.
 */
export const writeAsVersion2 = async ({
  kysely,
  tenantId,
}: Session): Promise<{ readonly serverId: string }> => {
  const run = async (statement: RawBuilder<unknown>): Promise<void> => void (await statement.execute(kysely))
  const change = (kind: string, id: string): Promise<void> =>
    run(sql`
      with "counter" as (
        update "tenants" set "revision" = revision + 1 where "id" = ${tenantId} returning "id", "revision"
      )
      insert into "changes" ("tenant_id", "revision", "kind", "object_id")
      select "id", "revision", ${kind}::text, ${id}::text from "counter"
    `)
  const createServer = async (slug: string): Promise<string> => {
    const id = newEntityId()
    await run(sql`
      insert into "servers"
        ("id", "tenant_id", "slug", "title", "description", "version", "tags", "visibility", "settings", "managed_by")
      values (${id}, ${tenantId}, ${slug}, ${null}, ${null}, ${null}, ${['old']}, 'private', '{}', 'api')
      on conflict on constraint "servers_slug_key" do nothing returning "id"
    `)
    return id
  }
  const storeEndpoint = (serverId: string, id: string, position: number, transport: string): Promise<void> =>
    run(sql`
      insert into "server_endpoints"
        ("id", "tenant_id", "server_id", "position", "transport", "url", "command", "weight", "header_names", "env_names")
      values (${id}, ${tenantId}, ${serverId}, ${position}, ${transport},
        ${transport === 'stdio' ? null : 'http://127.0.0.1:9'}, ${transport === 'stdio' ? 'x' : null}, 1, '{}', '{}')
      on conflict ("id") do update set "position" = excluded.position, "transport" = excluded.transport,
        "url" = excluded.url, "command" = excluded.command
    `)

  await run(sql`select "id" from "tenants" where "id" = ${tenantId} for no key update`)
  const serverId = await createServer('needle')
  const endpoints = [newEntityId(), newEntityId(), newEntityId()] as const
  await storeEndpoint(serverId, endpoints[0], 0, 'streamable-http')
  await storeEndpoint(serverId, endpoints[1], 1, 'stdio')
  await storeEndpoint(serverId, endpoints[2], 2, 'sse')
  await change('server_created', serverId)
  const hayId = await createServer('haystack')
  await run(sql`update "servers" set "tags" = '{}' where "id" = ${hayId}`)
  await change('server_created', hayId)
  await run(
    sql`update "servers" set "status" = 'healthy' where "tenant_id" = ${tenantId} and "id" = ${serverId}`,
  )
  await change('server_status', serverId)
  await run(sql`
    update "servers" set "revision" = revision + 1, "updated_at" = now(), "title" = 'Changed'
    where "tenant_id" = ${tenantId} and "id" = ${serverId}
  `)
  await run(sql`delete from "server_endpoints" where "tenant_id" = ${tenantId} and "id" in (${endpoints[2]})`)
  await storeEndpoint(serverId, endpoints[0], 0, 'sse')
  await change('server_updated', serverId)
  const goneId = await createServer('gone')
  await storeEndpoint(goneId, newEntityId(), 0, 'sse')
  await change('server_created', goneId)
  await run(sql`delete from "servers" where "tenant_id" = ${tenantId} and "id" = ${goneId}`)
  await change('server_deleted', goneId)
  return { serverId }
}
