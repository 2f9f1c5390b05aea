import { randomBytes } from 'node:crypto'

import { MigrationError } from '@mreg/db-pool'
import { createPostgresPool } from '@mreg/db-pool/pg'
import { createTestDatabase, type TestDatabase } from '@mreg/testing'
import { sql } from 'kysely'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { ChangeRepository, migrations, TENANT_ROLE } from '../src/index.ts'
import { createTenantRole } from '../src/schema/create-tenant-role.ts'
import { makeTenant, type RegistryPool, rejection, serverNamed, withServers } from './contract/registry.ts'
import { writeAsVersion2 } from './previous/write-as-version-2.ts'

/** What an earlier version knew. */
const firstMigrations = (count: number): typeof migrations =>
  Object.fromEntries(Object.entries(migrations).slice(0, count))

const administrate = async (url: string, statement: string): Promise<void> => {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

describe('the schema', { timeout: 60_000 }, () => {
  const databases: TestDatabase[] = []
  const roles: string[] = []
  const pools: RegistryPool[] = []

  const makeDatabase = async (): Promise<TestDatabase> => {
    const database = await createTestDatabase()
    databases.push(database)
    return database
  }

  const open = (connectionString: string): RegistryPool => {
    const pool: RegistryPool = createPostgresPool({
      connectionString,
      acquireTimeoutMs: 20_000,
      maxConnections: 3,
    })
    pools.push(pool)
    return pool
  }

  /** Roles belong to the cluster, so these are removed at the end, after the databases that know them. */
  const newRole = (): string => {
    const role = `mreg_test_${randomBytes(6).toString('hex')}`
    roles.push(role)
    return role
  }

  /** A pool of a user that is no superuser. */
  const openAs = async (database: TestDatabase, rights: string, also = 'select 1'): Promise<RegistryPool> => {
    const user = newRole()
    await administrate(
      database.url,
      `create role ${user} login password 'secret' ${rights}; grant all on schema public to ${user}`,
    )
    await administrate(database.url, also.replaceAll('$user', user))
    const url = new URL(database.url)
    url.username = user
    url.password = 'secret'
    return open(url.href)
  }

  beforeAll(async () => {
    // The role is there from here on, whoever made it.
    await open((await makeDatabase()).url).migrate(migrations)
  })

  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.close()))
  })

  afterAll(async () => {
    await Promise.all(databases.map((database) => database.drop()))
    await administrate(
      process.env['MREG_TEST_DATABASE_URL'] ?? '',
      roles.map((role) => `drop role if exists ${role};`).join(''),
    )
  })

  it('is made when many processes start on several databases of one cluster at once', async () => {
    const urls = await Promise.all(Array.from({ length: 3 }, async () => (await makeDatabase()).url))
    const starting = [...urls, ...urls, ...urls].map(open)

    const reports = await Promise.all(starting.map((pool) => pool.migrate(migrations)))
    const tenants = await Promise.all(starting.map(makeTenant))
    const created = await Promise.all(
      starting.map((pool, index) =>
        withServers(pool, tenants[index] ?? '', (servers) => servers.create(serverNamed('one'))),
      ),
    )

    expect(reports.filter(({ executed }) => executed.length > 0)).toHaveLength(urls.length)
    expect(created.map(({ slug }) => slug)).toEqual(starting.map(() => 'one'))
  })

  it('is made once when ten processes start at once', async () => {
    const { url } = await makeDatabase()
    const starting = Array.from({ length: 10 }, () => open(url))

    const reports = await Promise.all(starting.map((pool) => pool.migrate(migrations)))
    const created = await Promise.all(
      starting.map(async (pool) => {
        const tenantId = await makeTenant(pool)
        return await withServers(pool, tenantId, (servers) => servers.create(serverNamed('one')))
      }),
    )

    expect(reports.flatMap(({ executed }) => executed)).toEqual(Object.keys(migrations))
    expect(created).toHaveLength(10)
  })

  it.each(Object.keys(migrations).map((name, index) => [name, index + 1] as const))(
    'is made of what %s left, with all that was there, by ten processes at once',
    async (_name, count) => {
      const { url } = await makeDatabase()
      const before = open(url)
      await before.migrate(firstMigrations(count))
      await before.systemSession('set up a test', ({ kysely }) =>
        sql`insert into tenants (id) values ('default'), ('other')`.execute(kysely),
      )
      const old = await before.tenantSession('default', (session) => writeAsVersion2(session))
      const after = Array.from({ length: 10 }, () => open(url))

      const reports = await Promise.all(after.map((pool) => pool.migrate(migrations)))

      expect(reports.flatMap(({ executed }) => executed)).toEqual(Object.keys(migrations).slice(count))
      const [pool = before] = after
      const seen = await withServers(pool, 'default', async (servers) => ({
        all: (await servers.list({ limit: 10 })).items,
        found: (await servers.list({ limit: 10, q: 'EEDLE' })).items.map(({ slug }) => slug),
        tagged: (await servers.list({ limit: 10, tag: 'old' })).items.map(({ slug }) => slug),
        statistics: await servers.statistics(),
      }))
      expect(seen.all.map(({ slug, status, endpoints }) => [slug, status, endpoints.length])).toEqual([
        ['haystack', 'unknown', 0],
        ['needle', 'healthy', 2],
      ])
      expect(seen.all[1]).toMatchObject({ id: old.serverId, title: 'Changed', tags: ['old'], revision: 2 })
      expect([seen.found, seen.tagged]).toEqual([['needle'], ['needle']])
      expect(seen.statistics).toEqual({
        total: 2,
        byStatus: new Map([
          ['unknown', 1],
          ['healthy', 1],
        ]),
        byTransport: new Map([
          ['sse', 1],
          ['stdio', 1],
        ]),
      })
      expect(await withServers(pool, 'other', (servers) => servers.list({ limit: 10 }))).toMatchObject({
        items: [],
      })
    },
  )

  it('lets the previous version start and serve; what it writes is counted and found', async () => {
    const { url } = await makeDatabase()
    const [newer, older] = [open(url), open(url)]
    await newer.migrate(migrations)

    const report = await older.migrate(firstMigrations(2))
    const tenantId = await makeTenant(older)
    await older.tenantSession(tenantId, (session) => writeAsVersion2(session))

    expect(report).toEqual({ executed: [], newer: Object.keys(migrations).slice(2) })
    const seen = await withServers(newer, tenantId, async (servers) => ({
      found: (await servers.list({ limit: 10, q: 'needle' })).items.map(({ slug }) => slug),
      statistics: await servers.statistics(),
    }))
    expect(seen.found).toEqual(['needle'])
    expect([seen.statistics.total, seen.statistics.byTransport]).toEqual([
      2,
      new Map([
        ['sse', 1],
        ['stdio', 1],
      ]),
    ])
    const changes = await newer.systemSession('test', (session) =>
      new ChangeRepository(session).since(tenantId, 0, 100),
    )
    expect(changes.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('has its role made by several databases at once where no database has it yet', async () => {
    const role = newRole()
    const urls = await Promise.all(Array.from({ length: 6 }, async () => (await makeDatabase()).url))

    const reports = await Promise.all(
      urls.map((url) => open(url).migrate({ role: { up: (kysely) => createTenantRole(kysely, role) } })),
    )

    expect(reports.map(({ executed }) => executed)).toEqual(urls.map(() => ['role']))
    expect(await rejection(administrate(urls[0] ?? '', `create role ${role}`))).toMatchObject({
      code: '42710',
    })
  })

  it('has its role made by a user who may make roles, and who may then become it', async () => {
    const role = newRole()
    const pool = await openAs(await makeDatabase(), 'createrole')

    await pool.migrate({ role: { up: (kysely) => createTenantRole(kysely, role) } })

    const current = await pool.systemSession('test', async ({ kysely }) => {
      await sql`set local role ${sql.id(role)}`.execute(kysely)
      return 'became it'
    })
    expect(current).toBe('became it')
  })

  it('is made by a user without any such right where an administrator has prepared the role', async () => {
    const pool = await openAs(await makeDatabase(), '', `grant ${TENANT_ROLE} to $user`)

    await pool.migrate(migrations)
    const tenantId = await makeTenant(pool)
    const created = await withServers(pool, tenantId, (servers) => servers.create(serverNamed('one')))

    expect(created.slug).toBe('one')
    const others = await makeTenant(pool)
    expect(await withServers(pool, others, (servers) => servers.getById(created.id))).toBeUndefined()
  })

  it('says what an administrator has to do where it was not prepared', async () => {
    const role = newRole()
    const pool = await openAs(await makeDatabase(), '')

    const error = await rejection(pool.migrate({ role: { up: (kysely) => createTenantRole(kysely, role) } }))

    expect(MigrationError.is(error) && error.migrationName).toBe('role')
    expect(error).toMatchObject({ message: expect.stringContaining(`create role ${role} nologin`) })
  })
})
