import { createPostgresPool } from '@mreg/db-pool/pg'
import { createTestDatabase, type TestDatabase } from '@mreg/testing'
import { type Kysely, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  ChangeRepository,
  EndpointProbeRepository,
  HealthCheckLog,
  HealthCheckRepository,
  migrations,
  type RegistryDatabase,
  SecretRepository,
  ServerRepository,
  SnapshotRepository,
} from '../src/index.ts'
import { makeTenant, putSecret, type RegistryPool, remote, serverNamed } from './contract/registry.ts'

/** How often each table was read from end to end on this connection, as far as it has not been reported yet. */
const fullReads = async (kysely: Kysely<RegistryDatabase>): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await sql<{ name: string; count: number }>`
    select relname as name, seq_scan as count from pg_stat_xact_user_tables
  `.execute(kysely)
  return new Map(rows.map(({ name, count }) => [name, count]))
}

/** The tables that `work` reads from end to end. */
const tablesReadWhole = async (
  kysely: Kysely<RegistryDatabase>,
  work: () => Promise<unknown>,
): Promise<readonly string[]> => {
  const before = await fullReads(kysely)
  await work()
  const after = await fullReads(kysely)
  return [...after].flatMap(([name, count]) => (count > (before.get(name) ?? 0) ? [name] : []))
}

describe('on many servers', { timeout: 120_000 }, () => {
  let database: TestDatabase
  let pool: RegistryPool
  let tenantId = ''
  let id = ''
  let endpointId = ''

  beforeAll(async () => {
    database = await createTestDatabase()
    pool = createPostgresPool({
      connectionString: database.url,
      acquireTimeoutMs: 20_000,
      statementTimeoutMs: 60_000,
      queryTimeoutMs: 65_000,
    })
    await pool.migrate(migrations)
    tenantId = await makeTenant(pool)
    const other = await makeTenant(pool)
    await pool.systemSession('set up a test', async ({ kysely }) => {
      await sql`
        insert into servers (id, tenant_id, slug, status)
        select gen_random_uuid(), case when n % 2 = 0 then ${tenantId} else ${other} end, 's-' || n,
          case when n % 100 = 0 then 'unhealthy' else 'healthy' end
        from generate_series(1, 20000) n
      `.execute(kysely)
      await sql`
        insert into secrets (id, tenant_id, ciphertext, key_id)
        select gen_random_uuid(), tenant_id, '\\x00', 'key-1' from servers
      `.execute(kysely)
      await sql`
        insert into server_endpoints (id, tenant_id, server_id, position, transport, url)
        select gen_random_uuid(), tenant_id, id, 0, 'sse', 'http://a' from servers
      `.execute(kysely)
      await sql`
        insert into endpoint_probes (endpoint_id, tenant_id) select id, tenant_id from server_endpoints
      `.execute(kysely)
      await sql`
        insert into health_checks (endpoint_id, checked_at, tenant_id, status)
        select id, now() - n * interval '30 seconds', tenant_id, 'healthy' from server_endpoints, generate_series(1, 2) n
      `.execute(kysely)
      await sql`
        insert into upstream_grants (tenant_id, principal_id, server_id, issuer, ciphertext, key_id)
        select tenant_id, 'local', id, 'https://login.example', '\\x00', 'key-1' from servers
      `.execute(kysely)
      await sql`
        insert into changes (tenant_id, revision, kind, object_id)
        select ${tenantId}, n, 'server_created', 'x' from generate_series(1, 20000) n
      `.execute(kysely)
      await sql`update tenants set revision = 20000 where id = ${tenantId}`.execute(kysely)
      const row = await kysely
        .selectFrom('server_endpoints')
        .select(['id', 'server_id'])
        .where('tenant_id', '=', tenantId)
        .limit(1)
        .executeTakeFirstOrThrow()
      id = row.server_id
      endpointId = row.id
    })
    await pool.systemSession('set up a test', ({ kysely }) => sql`analyze`.execute(kysely))
  }, 120_000)

  afterAll(async () => {
    await pool.close()
    await database.drop()
  })

  it('nothing that a tenant asks for reads a whole table', async () => {
    const asked = await pool.tenantSession(tenantId, (session) =>
      tablesReadWhole(session.kysely, async () => {
        const servers = new ServerRepository(session)
        const probes = new EndpointProbeRepository(session)
        const first = await servers.list({ limit: 50 })
        await servers.list({ limit: 50, cursor: first.nextCursor })
        await servers.list({ limit: 50, status: 'unhealthy' })
        await servers.list({ limit: 50, transport: 'sse' })
        await servers.getById(id)
        await servers.getBySlug('s-2')
        await probes.forServer(id)
        await probes.record([
          {
            endpointId,
            status: 'healthy',
            era: 'legacy',
            latencyMs: 1,
            message: undefined,
            probedAt: new Date(),
          },
        ])
        await new HealthCheckRepository(session).listForServer(id, { limit: 50 })
        const secretId = await putSecret(session)
        const server = await servers.create(serverNamed('new', { endpoints: [remote({ secretId })] }))
        await new SecretRepository(session).get(secretId)
        await putSecret(session, 'replaced', secretId)
        await servers.setStatus(server.id, 'healthy')
        await servers.update(server.id, { title: 'x', endpoints: [remote()] })
        await servers.delete(server.id)
      }),
    )

    // Of the tenants there are two, and reading both at once is quicker than any index.
    expect(asked.filter((name) => name !== 'tenants')).toEqual([])
  })

  it('nothing that follows the change log reads a whole table', async () => {
    const asked = await pool.systemSession('test', (session) =>
      tablesReadWhole(session.kysely, async () => {
        await new ChangeRepository(session).since(tenantId, 19_990, 100)
        await new SnapshotRepository(session).serversByIds([id])
      }),
    )

    expect(asked).toEqual([])
  })

  it('nothing that keeps or prunes what probes found reads a whole table', async () => {
    const asked = await pool.systemSession('test', (session) =>
      tablesReadWhole(session.kysely, async () => {
        const probe = {
          endpointId,
          status: 'healthy',
          era: 'modern',
          latencyMs: 1,
          message: undefined,
          probedAt: new Date(),
        } as const
        const probes = new EndpointProbeRepository(session)
        const log = new HealthCheckLog(session)
        await probes.record([probe])
        await log.append([probe])
        await probes.statusesOf([id])
        await log.prune({ olderThan: new Date(Date.now() - 86_400_000), keepPerEndpoint: 10 })
      }),
    )

    expect(asked).toEqual([])
  })

  it('the history is pruned by one process at a time', async () => {
    const locked = Promise.withResolvers<void>()
    const tried = Promise.withResolvers<void>()
    const retention = { olderThan: new Date(0), keepPerEndpoint: 10 }
    const first = pool.systemSession('test', async (session) => {
      await new HealthCheckLog(session).prune(retention)
      locked.resolve()
      await tried.promise
    })
    await Promise.race([locked.promise, first])
    const second = await pool.systemSession('test', (session) => new HealthCheckLog(session).prune(retention))
    tried.resolve()
    await first

    expect(second).toBeUndefined()
  })

  it('the check itself would notice', async () => {
    const asked = await pool.systemSession('test', ({ kysely }) =>
      tablesReadWhole(kysely, () => sql`select count(*) from servers where title = 'x'`.execute(kysely)),
    )

    expect(asked).toEqual(['servers'])
  })
})
