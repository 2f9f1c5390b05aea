import { createHash } from 'node:crypto'

import { createPostgresPool } from '@mreg/db-pool/pg'
import { createTestDatabase, type TestDatabase } from '@mreg/testing'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import {
  ApiKeyDirectory,
  ApiKeyRepository,
  AuditEventRepository,
  CapabilityRepository,
  CatalogSnapshotRepository,
  ChangeRepository,
  EndpointProbeRepository,
  ExposedNameRepository,
  HealthCheckLog,
  HealthCheckRepository,
  IdempotencyKeyRepository,
  migrations,
  newEntityId,
  PolicyDirectory,
  PolicyRepository,
  ProbeLeaseRepository,
  type RegistryDatabase,
  RetentionRepository,
  SecretRepository,
  type ServerFilter,
  ServerRepository,
  SnapshotRepository,
  StatisticsRepository,
  TenantRepository,
  ToolsetDirectory,
  ToolsetRepository,
  UpstreamGrantRepository,
} from '../src/index.ts'
import { newKey } from './contract/full-tenant.ts'
import { POLICY, makeTenant, putSecret, type RegistryPool, remote, serverNamed } from './contract/registry.ts'
import { fillRegistry } from './plans/fill-registry.ts'
import { tablesReadWhole } from './plans/full-reads.ts'

type Session = Parameters<Parameters<RegistryPool['tenantSession']>[1]>[0]
type SystemSession = Parameters<Parameters<RegistryPool['systemSession']>[1]>[0]

/** The ids that {@link fillRegistry} makes; those of even numbers belong to the first tenant. */
const idOf = (text: string): string =>
  createHash('md5')
    .update(text)
    .digest('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/u, '$1-$2-$3-$4-')

describe('on 100,000 servers', { timeout: 120_000 }, () => {
  let database: TestDatabase
  let pool: RegistryPool
  let tenantId = ''

  beforeAll(async () => {
    database = await createTestDatabase()
    pool = createPostgresPool<RegistryDatabase>({
      connectionString: database.url,
      acquireTimeoutMs: 20_000,
      statementTimeoutMs: 170_000,
      queryTimeoutMs: 175_000,
      idleInTransactionTimeoutMs: 60_000,
    })
    await pool.migrate(migrations)
    tenantId = await makeTenant(pool)
    const other = await makeTenant(pool)
    await pool.systemSession('set up a test', ({ kysely }) => fillRegistry(kysely, [tenantId, other]))
  }, 180_000)

  afterAll(async () => {
    await pool.close()
    await database.drop()
  })

  const readWhole = (work: (session: Session) => Promise<unknown>): Promise<readonly string[]> =>
    pool.tenantSession(tenantId, (session) => tablesReadWhole(session.kysely, () => work(session)))

  const readWholeBySystem = (
    work: (session: SystemSession) => Promise<unknown>,
  ): Promise<readonly string[]> =>
    pool.systemSession('test', (session) => tablesReadWhole(session.kysely, () => work(session)))

  const [serverId, endpointId] = [idOf('server 2'), idOf('endpoint 2')]
  const probe = {
    endpointId,
    status: 'healthy',
    era: 'modern',
    latencyMs: 1,
    message: undefined,
    probedAt: new Date(),
  } as const

  it.each([
    {},
    { status: 'unhealthy' },
    { status: 'healthy' },
    { transport: 'stdio' },
    { transport: 'sse' },
    { tag: 'rare' },
    { tag: 'all' },
    { tag: 'none' },
    { q: 'needle' },
    { q: 'hay' },
    { q: 'nowhere' },
    { q: 's-98' },
    { q: 'needle', tag: 'rare', status: 'unhealthy', transport: 'stdio' },
    { capability: 'rare' },
    { capability: 'common' },
    { capability: 'none' },
    { capability: 'rare', status: 'unhealthy' },
  ] satisfies ServerFilter[])('a list of servers with %j reads no whole table', async (filter) => {
    const asked = await readWhole(async (session) => {
      const servers = new ServerRepository(session)
      const first = await servers.list({ ...filter, limit: 20 })
      await servers.list({ ...filter, limit: 20, cursor: first.nextCursor })
    })

    expect(asked).toEqual([])
  })

  it.each([{ q: 'needle' }, { q: 'nowhere' }, { tag: 'rare' }] satisfies ServerFilter[])(
    'what is rare is looked up in an index: %j',
    async (filter) => {
      const used = await pool.tenantSession(tenantId, async (session) => {
        const scans = async (): Promise<number> => {
          const { rows } = await sql<{ count: number }>`
            select coalesce(sum(pg_stat_get_xact_numscans(indexrelid)), 0)::int as count
            from pg_index where indrelid = 'servers'::regclass
              and indexrelid in ('servers_search_index'::regclass, 'servers_tags_index'::regclass)
          `.execute(session.kysely)
          return rows[0]?.count ?? 0
        }
        const before = await scans()
        await new ServerRepository(session).list({ ...filter, limit: 20 })
        return (await scans()) - before
      })

      expect(used).toBeGreaterThan(0)
    },
  )

  it('nothing that is done with one server reads a whole table', async () => {
    const asked = await readWhole(async (session) => {
      const servers = new ServerRepository(session)
      const secretId = await putSecret(session)
      const server = await servers.create(serverNamed('new', { endpoints: [remote({ secretId })] }))
      await servers.getById(serverId)
      await servers.getBySlug('s-2')
      await servers.setStatus(server.id, 'healthy')
      await servers.settleStatuses([server.id], () => 'unhealthy')
      await new SecretRepository(session).get(secretId)
      await putSecret(session, 'replaced', secretId)
      await servers.update(server.id, { title: 'x', endpoints: [remote()] })
      await new SecretRepository(session).delete(await putSecret(session))
      await servers.delete(server.id)
      await servers.statistics()
    })

    expect(asked).toEqual([])
  })

  it('nothing that is done with probes, grants or what a server offers reads a whole table', async () => {
    const asked = await readWhole(async (session) => {
      const probes = new EndpointProbeRepository(session)
      await probes.forServer(serverId)
      await probes.forServers([serverId, serverId])
      await probes.record([probe], POLICY)
      await probes.statusesOf([serverId])
      await new HealthCheckRepository(session).listForServer(serverId, { limit: 50 })
      const grants = new UpstreamGrantRepository(session)
      const grant = await grants.get({ serverId, principalId: 'local' })
      if (grant === undefined) throw new Error('there is no grant')
      await grants.claim(grant, 1000)
      await grants.unclaim(grant)
      await grants.replace(grant)
      await grants.put(grant)
      await grants.delete(grant)
      const capabilities = new CapabilityRepository(session)
      const list = { serverId, scopeKey: '', kind: 'tool' } as const
      const body = Buffer.from('x')
      const control = { onNew: 'accepted', onChange: 'changed' } as const
      await capabilities.observe(list, [{ name: 'a', hash: 'new', body }], control)
      await capabilities.decide(list, 'a', { decision: 'disable', control })
      await capabilities.listForServer(serverId, { limit: 50 })
      await capabilities.disabledIn(serverId)
      await capabilities.lookAlikes(list, new Map([['a', 'a']]))
      await capabilities.definitions(['hash 2', 'new'])
      const names = new ExposedNameRepository(session)
      await names.ofServer('s-2')
      await names.claim(
        'tool',
        's-2',
        new Map([
          ['original 2', 'mine'],
          ['original', 'mine'],
        ]),
      )
      await names.resolve('tool', ['exposed 2', 'mine'])
      await names.list({ limit: 50 })
    })

    expect(asked).toEqual([])
  })

  it('nothing that is done with keys, policies, toolsets or audit reads a whole table', async () => {
    const asked = await readWhole(async (session) => {
      const keys = new ApiKeyRepository(session)
      const key = await keys.create(newKey())
      await keys.update(key.id, { revoked: true })
      await keys.list({ limit: 50, cursor: (await keys.list({ limit: 50 })).nextCursor })
      await keys.delete(key.id)
      const policies = new PolicyRepository(session)
      const policy = await policies.create({ name: 'new', subject: { kind: 'tenant', id: '' }, rules: {} })
      await policies.update(policy.id, { name: 'newer' })
      await policies.list({ limit: 50, cursor: (await policies.list({ limit: 50 })).nextCursor })
      await policies.delete(policy.id)
      const toolsets = new ToolsetRepository(session)
      const toolset = await toolsets.create({ slug: 'new', items: [{ effect: 'include' }] })
      await toolsets.update(toolset.id, { items: [] })
      await toolsets.getBySlug('set-2')
      await toolsets.list({ limit: 50, cursor: (await toolsets.list({ limit: 50 })).nextCursor })
      await toolsets.delete(toolset.id)
      const requests = new IdempotencyKeyRepository(session)
      await requests.begin({ principalId: 'ann', key: 'key-2' }, 'x')
      await requests.complete({ principalId: 'ann', key: 'key-2' }, {})
      const events = new AuditEventRepository(session)
      const event = { principalId: 'principal-2', action: 'action-2', objectId: 'object-2' }
      await events.append([
        { ...event, id: newEntityId(), outcome: 'success', requestId: undefined, details: {} },
      ])
      const first = await events.list({ limit: 50 })
      await events.list({ limit: 50, cursor: first.nextCursor })
      await events.list({ limit: 50, principalId: 'principal-2' })
      await events.list({ limit: 50, action: 'action-2' })
      await events.list({ limit: 50, objectId: 'object-2' })
      await events.list({ limit: 50, from: new Date(5_000_000), until: new Date(5_100_000) })
    })

    expect(asked).toEqual([])
  })

  it('nothing that gateways and workers do over and over reads a whole table', async () => {
    const asked = await readWholeBySystem(async (session) => {
      await new ChangeRepository(session).since(tenantId, 19_990, 100)
      await new SnapshotRepository(session).serversByIds([serverId])
      const catalog = new CatalogSnapshotRepository(session)
      await catalog.forServers([serverId])
      await catalog.definitions(tenantId, ['hash 2'])
      const keys = new ApiKeyDirectory(session)
      await keys.findByLookupId('lookup-2')
      await keys.byIds([idOf('key 2')])
      await keys.markUsed(new Map([[idOf('key 2'), new Date()]]))
      await new PolicyDirectory(session).byIds([idOf('policy 2')])
      await new ToolsetDirectory(session).byIds([idOf('set 2')])
      await new TenantRepository(session).getById(tenantId)
      await new StatisticsRepository(session).servers()
      const probes = new EndpointProbeRepository(session)
      await probes.record([probe], POLICY)
      await probes.statusesOf([serverId])
      const leases = new ProbeLeaseRepository(session)
      const claimed = await leases.claim('test', 20, 10_000)
      await leases.nextDueMs()
      await leases.renew(claimed, 10_000)
      await probes.record(
        claimed.map((lease) => ({ ...probe, ...lease })),
        POLICY,
      )
      await leases.release(claimed, 0)
      const log = new HealthCheckLog(session)
      await log.append([probe])
      await log.prune({ olderThan: new Date(Date.now() - 86_400_000), keepPerEndpoint: 10 })
      const retention = new RetentionRepository(session)
      await retention.auditEvents(new Date(100_000))
      await retention.idempotencyKeys(new Date(100_000))
      await retention.changes(new Date(100_000))
      await retention.goneCapabilities(new Date(100_000))
    })

    expect(asked).toEqual([])
  })

  it('the history of probes is pruned by one process at a time', async () => {
    const locked = Promise.withResolvers<void>()
    const tried = Promise.withResolvers<void>()
    const retention = { olderThan: new Date(0), keepPerEndpoint: 1_000 }
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
    const asked = await readWholeBySystem(({ kysely }) =>
      sql`select count(*) from servers where title = 'x'`.execute(kysely),
    )

    expect(asked).toEqual(['servers'])
  })
})
