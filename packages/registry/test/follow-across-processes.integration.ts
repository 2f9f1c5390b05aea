import type { LogFields } from '@mreg/core'
import { silentLogger } from '@mreg/core'
import { createPostgresPool } from '@mreg/db-pool/pg'
import { migrations, type NewServer, type RegistryDatabase, ServerRepository } from '@mreg/repositories'
import { createTestDatabase, startFaultProxy, type TestDatabase } from '@mreg/testing'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ChangeFeed, type ChangeFeedOptions } from '../src/index.ts'
import { makePrincipal, openRegistry, type RegistryPool, Served } from './support/open-registry.ts'

const nested = (): Promise<never> => Promise.reject(new Error('the repository nests nothing'))

const endpoint = { transport: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } as const
const NEVER_MS = 3_600_000
const serverNamed = (slug: string): NewServer => ({ slug, endpoints: [endpoint] })
const noChecks = { checker: () => Promise.resolve() }

const openPool = (connectionString: string, more: object = {}): RegistryPool =>
  createPostgresPool<RegistryDatabase>({ connectionString, acquireTimeoutMs: 2000, ...more })

/** A gateway elsewhere, with a pool of its own. */
const openElsewhere = async (
  elsewhere: RegistryPool,
  options: Partial<ChangeFeedOptions> = {},
): Promise<{ changes: ChangeFeed; served: Served } & AsyncDisposable> => {
  const changes = new ChangeFeed({ database: elsewhere, listen: true, pollMs: NEVER_MS, ...options })
  const served = new Served(changes)
  await changes.start()
  return {
    changes,
    served,
    async [Symbol.asyncDispose]() {
      await changes[Symbol.asyncDispose]()
      await elsewhere.close()
    },
  }
}

describe('another process on the same database', () => {
  let database: TestDatabase | undefined
  let here: RegistryPool | undefined

  const urlOf = (): string => database?.url ?? ''
  const pool = (): RegistryPool => {
    if (here === undefined) throw new Error('the pool is not open')
    return here
  }

  beforeAll(async () => {
    database = await createTestDatabase()
    here = openPool(urlOf())
    await here.initialize()
    await here.migrate(migrations)
  })
  afterAll(async () => {
    await here?.close()
    await database?.drop()
  })

  test('serves what is registered, changed and removed here, as soon as it is announced', async () => {
    await using elsewhere = await openElsewhere(openPool(urlOf()))
    await using open = await openRegistry(pool(), noChecks)
    const principal = await makePrincipal(pool())
    const seen = (): string[] => elsewhere.served.of(principal.tenantId)
    await open.registry.register(principal, { slug: 'announced', endpoints: [endpoint] })
    await expect.poll(seen).toEqual(['announced 1'])
    await open.registry.update(principal, 'announced', { title: 'changed' })
    await expect.poll(seen).toEqual(['announced 2'])
    await open.registry.remove(principal, 'announced')
    await expect.poll(seen).toEqual([])
  })

  test.each([
    ['is asked not to listen', {}],
    ['goes through a pooler that cannot listen', { listenConnectionString: 'off', listenPollIntervalMs: 50 }],
  ])('serves them by polling when it %s', async (_why, more) => {
    const listen = 'listenConnectionString' in more
    await using elsewhere = await openElsewhere(openPool(urlOf(), more), {
      listen,
      pollMs: listen ? NEVER_MS : 50,
    })
    await using open = await openRegistry(pool(), noChecks)
    const principal = await makePrincipal(pool())
    await open.registry.register(principal, { slug: 'polled', endpoints: [endpoint] })
    await expect.poll(() => elsewhere.served.of(principal.tenantId)).toEqual(['polled 1'])
  })

  test('ends up with the same, whatever is written while it starts', { timeout: 60_000 }, async () => {
    await using open = await openRegistry(pool(), noChecks)
    const principal = await makePrincipal(pool())
    for (let round = 0; round < 15; round += 1) {
      const writing = Promise.all(
        Array.from({ length: 4 }, (_, index) =>
          open.registry.register(principal, { slug: `r${round}-${index}`, endpoints: [endpoint] }),
        ),
      )
      await using elsewhere = await openElsewhere(openPool(urlOf()))
      await writing
      const { items } = await open.registry.list(principal, { limit: 100 })
      const expected = items.map(({ slug }) => `${slug} 1`).toSorted((a, b) => a.localeCompare(b))
      await expect.poll(() => elsewhere.served.of(principal.tenantId), { timeout: 5000 }).toEqual(expected)
    }
  })

  test('is up to date when it has caught up, also with what was committed while a look was under way', async () => {
    await using elsewhere = await openElsewhere(openPool(urlOf()), { listen: false })
    const { tenantId } = await makePrincipal(pool())
    await pool().tenantSession(tenantId, (session) =>
      new ServerRepository(session).create(serverNamed('first')),
    )
    let underWay: Promise<void> | undefined
    await pool().systemSession('hold the look up', async ({ kysely }) => {
      await sql`lock table servers in access exclusive mode`.execute(kysely)
      underWay = elsewhere.changes.catchUp()
      await expect
        .poll(async () => {
          const waiting = await sql`
            select 1 from pg_locks where relation = 'servers'::regclass and not granted`.execute(kysely)
          return waiting.rows.length
        })
        .toBe(1)
      // The look has read the change log, and waits for the servers.
      await new ServerRepository({ kysely, tenantId, nested }).create(serverNamed('second'))
    })
    await elsewhere.changes.catchUp()
    expect(elsewhere.served.of(tenantId)).toEqual(['first 1', 'second 1'])
    await underWay
  })

  test(
    'catches up when all its connections were cut, also under writers, and misses nothing',
    { timeout: 60_000 },
    async () => {
      const elsewherePool = openPool(urlOf(), { applicationName: 'elsewhere' })
      await using elsewhere = await openElsewhere(elsewherePool)
      await using open = await openRegistry(pool(), noChecks)
      const principal = await makePrincipal(pool())
      for (let count = 0; count < 20; count += 1) {
        await open.registry.register(principal, { slug: `s${count}`, endpoints: [endpoint] })
        if (count % 5 === 0) {
          await pool().systemSession('cut the connections', ({ kysely }) =>
            sql`select pg_terminate_backend(pid) from pg_stat_activity
              where datname = current_database() and application_name = 'elsewhere'`.execute(kysely),
          )
        }
      }
      await expect.poll(() => elsewhere.served.of(principal.tenantId).length, { timeout: 20_000 }).toBe(20)
    },
  )

  test(
    'keeps what it knows while the database is away, says so in the log, and catches up when it is back',
    { timeout: 60_000 },
    async () => {
      const direct = new URL(urlOf())
      await using faults = await startFaultProxy({ host: direct.hostname, port: Number(direct.port || 5432) })
      const through = new URL(direct)
      through.hostname = '127.0.0.1'
      through.port = String(faults.port)
      const warnings: (LogFields | undefined)[] = []
      const logger = {
        ...silentLogger,
        warn: (_message: string, fields?: LogFields) => void warnings.push(fields),
      }
      await using elsewhere = await openElsewhere(openPool(through.href), { logger })
      await using open = await openRegistry(pool(), noChecks)
      const principal = await makePrincipal(pool())
      const seen = (): string[] => elsewhere.served.of(principal.tenantId)
      await open.registry.register(principal, { slug: 'before', endpoints: [endpoint] })
      await expect.poll(seen).toEqual(['before 1'])

      await faults.refuse()
      faults.reset()
      await open.registry.register(principal, { slug: 'meanwhile', endpoints: [endpoint] })
      await open.registry.remove(principal, 'before')
      await expect(elsewhere.changes.catchUp()).rejects.toMatchObject({ code: 'ERR_DATABASE_UNAVAILABLE' })
      expect(seen()).toEqual(['before 1'])

      await faults.accept()
      await expect.poll(seen, { timeout: 20_000 }).toEqual(['meanwhile 1'])
      await open.registry.register(principal, { slug: 'after', endpoints: [endpoint] })
      await expect.poll(seen).toEqual(['after 1', 'meanwhile 1'])
      expect(JSON.stringify(warnings)).not.toContain(direct.password === '' ? 'canary' : direct.password)
    },
  )

  test('is not shown by the log of the database what a header holds', async () => {
    await using open = await openRegistry(pool(), noChecks)
    const principal = await makePrincipal(pool())
    await open.registry.register(principal, {
      slug: 'secret',
      endpoints: [{ ...endpoint, headers: { 'X-Key': 'canary-statement' } }],
    })
    const { rows } = await pool().systemSession('look at statements', ({ kysely }) =>
      sql<{ query: string }>`select query from pg_stat_activity where datname = current_database()`.execute(
        kysely,
      ),
    )
    expect(JSON.stringify(rows)).not.toContain('canary-statement')
  })
})
