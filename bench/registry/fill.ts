import type { DatabasePool } from '@mreg/db-pool'
import { migrations, type RegistryDatabase, TenantRepository } from '@mreg/repositories'
import { type RawBuilder, sql } from 'kysely'

/** The tenant that is asked; it has nine servers of ten. */
export const TENANT = 'main'

/** So many other tenants share the rest. */
const OTHERS = 9

/** So many servers have what is rare, all of them of that tenant, however many servers there are. */
export const RARE = 10

const OWNER = sql`case when n % 10 < 9 then ${TENANT} else 'other-' || n / 10 % ${OTHERS}::int end`

/** So many words for the row `n`; a word's number is a power of a chance, so that low numbers come up often. */
const words = (length: number): RawBuilder<unknown> => sql`(
  select string_agg('word' || floor(2000 * power(random(), 3))::int, ' ') from generate_series(1, ${length}::int) w
  where n > 0
)`

/**
 * Fills an empty database with `count` servers: a title of three words and a description of ten, out of 2,000 words of which
 * some are frequent; one endpoint, one probe and three tools each; a history of 20 probes for one server in a hundred.
 */
export const fill = async (pool: DatabasePool<RegistryDatabase>, count: number): Promise<void> => {
  await pool.migrate(migrations)
  await pool.systemSession('fill the bench', async (session) => {
    const tenants = new TenantRepository(session)
    for (const id of [TENANT, ...Array.from({ length: OTHERS }, (_, index) => `other-${index}`)]) {
      await tenants.ensure(id)
    }
    const { kysely } = session
    const rare = sql`n % greatest(${count}::int / ${RARE}::int, 1) = 1`
    const statements = [
      sql`drop index servers_search_index`,
      sql`alter table server_endpoints disable trigger refresh_server_transports_on_insert`,
      sql`
        insert into servers (id, tenant_id, slug, title, description, tags, status, transports)
        select md5('server ' || n)::uuid, ${OWNER}, 's-' || n, ${words(3)},
          ${words(10)} || case when ${rare} then ' needle' else '' end,
          array['tag-' || n % 20] || case when ${rare} then '{rare}' else '{}'::text[] end,
          case when ${rare} then 'unhealthy' else 'healthy' end, '{streamable-http}'
        from generate_series(1, ${count}::int) n
      `,
      sql`
        insert into server_endpoints (id, tenant_id, server_id, position, transport, url)
        select md5('endpoint ' || n)::uuid, ${OWNER}, md5('server ' || n)::uuid, 0, 'streamable-http', 'http://127.0.0.1:9/mcp'
        from generate_series(1, ${count}::int) n
      `,
      sql`alter table server_endpoints enable trigger refresh_server_transports_on_insert`,
      sql`
        update endpoint_probes set status = 'healthy', probed_at = now()
      `,
      sql`
        insert into health_checks (endpoint_id, checked_at, tenant_id, status)
        select md5('endpoint ' || n)::uuid, now() - probe * interval '30 seconds', ${OWNER}, 'healthy'
        from generate_series(1, ${count}::int, 100) n, generate_series(1, 20) probe
      `,
      sql`
        insert into definitions (tenant_id, hash, body)
        select distinct ${OWNER}, 'hash ' || n % 5000, '\\x00'::bytea from generate_series(1, 50000) n
      `,
      sql`
        insert into capabilities (tenant_id, server_id, kind, name, observed_hash, approved_hash, state)
        select ${OWNER}, md5('server ' || n)::uuid, 'tool',
          case when tool = 1 and ${rare} then 'rare' when tool = 1 then 'search' else 'tool-' || n % 1000 || '-' || tool end,
          'hash ' || n % 5000, 'hash ' || n % 5000, 'accepted'
        from generate_series(1, ${count}::int) n, generate_series(1, 3) tool
      `,
      sql`
        insert into changes (tenant_id, revision, kind, object_id)
        select ${TENANT}, n, 'server_created', md5('server ' || n)::uuid::text from generate_series(1, ${count}::int) n
      `,
      sql`update tenants set revision = ${count} where id = ${TENANT}`,
    ]
    for (const statement of statements) await statement.execute(kysely)
  })
  await rebuildSearchIndex(pool)
}

/** Building an index at once is quicker than adding to it; afterwards it is as if it had always been there. */
const rebuildSearchIndex = (pool: DatabasePool<RegistryDatabase>): Promise<void> =>
  pool.systemSession('fill the bench', async ({ kysely }) => {
    const { rows } = await sql<{ expression: string }>`
      select regexp_replace(pg_get_viewdef('server_search'::regclass), '.*(search_grams\\(.*\\)) as grams.*', '\\1', 'is')
        as expression
    `.execute(kysely)
    await sql`set local maintenance_work_mem = '256MB'`.execute(kysely)
    await sql`create index servers_search_index on servers using gin (${sql.raw(rows[0]?.expression ?? '')})`.execute(
      kysely,
    )
    await sql`analyze`.execute(kysely)
  })
