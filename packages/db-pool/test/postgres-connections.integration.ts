import { waitUntil } from '@mreg/testing'
import { type Kysely, sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { prepareQuery, type ParameterPlaceholder } from '../src/index.ts'
import { connectionLifetimeMs } from '../src/postgres/connection-lifetime.ts'
import { type NotesDatabase, type NotesPool, rejection } from './contract/notes-database.ts'
import { allAnswered, askAll, PostgresRig, reasonOf, select } from './postgres/postgres-rig.ts'

const noteById = prepareQuery(
  (kysely: Kysely<NotesDatabase>, parameter: ParameterPlaceholder<{ id: string }>) =>
    kysely.selectFrom('notes').selectAll().where('id', '=', parameter('id')),
)

/** The server's processes behind so many connections that are used at once. */
const processesOf = async (pool: NotesPool, count: number): Promise<ReadonlySet<unknown>> => {
  const connections = await Promise.all(Array.from({ length: count }, () => pool.acquire()))
  try {
    const rows = await Promise.all(
      connections.map((connection) => connection.fetchRow<{ pid: number }>('select pg_backend_pid() as pid')),
    )
    return new Set(rows.map((row) => row?.pid))
  } finally {
    await Promise.all(connections.map((connection) => connection.release()))
  }
}

describe('the connections of a PostgreSQL pool', () => {
  const rig = new PostgresRig()

  it('are there after the start as many as are always kept, and come down to that number again', async () => {
    const pool = rig.open({ minConnections: 3, maxConnections: 6, idleTimeoutMs: 100 })
    expect(pool.size).toBe(0)

    await pool.initialize()
    expect(pool.stats()).toMatchObject({ size: 3, available: 3, limit: 6 })
    expect((await processesOf(pool, 6)).size).toBe(6)

    await waitUntil('the end of those beyond', () => pool.size === 3)
    expect(await askAll(pool, 3)).toEqual(allAnswered(3))
  })

  it('are replaced when they have lived long enough, while sessions go on', async () => {
    const pool = rig.open({ maxConnections: 3, maxLifetimeMs: 150 })
    const processes = new Set<unknown>()

    await waitUntil(
      'ten connections, one after the other',
      async () => {
        const seen = await Promise.all([1, 2, 3].map(() => select(pool, 'pg_backend_pid()')))
        for (const process of seen) {
          processes.add(process)
        }
        return processes.size >= 10
      },
      { timeoutMs: 20_000 },
    )

    expect(pool.stats()).toMatchObject({ failed: 0, retried: 0, discarded: 0 })
  })

  it('are closed when they have lived long enough, also when nobody uses them', async () => {
    const pool = rig.open({ minConnections: 2, maxLifetimeMs: 300, idleTimeoutMs: 60_000 })
    await pool.initialize()

    await waitUntil('the end of the connections', () => pool.size === 0)

    expect(await askAll(pool, 2)).toEqual(allAnswered(2))
  })

  it('do not all live equally long', () => {
    const lives = [0, 0.25, 0.5, 1].map((random) => connectionLifetimeMs(1_000, random))

    expect(lives).toEqual([1_000, 950, 900, 800])
    expect(new Set(Array.from({ length: 20 }, () => connectionLifetimeMs(1_000))).size).toBeGreaterThan(1)
  })

  it.each([
    [0, 'select 1'],
    [60_000, ''],
  ])(
    'that were idle for more than %d ms, and only those, are asked for a sign of life',
    async (validateAfterIdleMs, asked) => {
      const pool = rig.open({ maxConnections: 1, validateAfterIdleMs, applicationName: 'asked' })
      await (await pool.acquire()).release()
      const again = await pool.acquire()
      const rows = await rig.administrate(
        `select query from pg_stat_activity where application_name = 'asked'`,
      )
      await again.release()

      expect(rows).toEqual([{ query: asked }])
    },
  )

  it('are not used again when they come back inside a transaction, at work or broken', async () => {
    const pool = rig.open({ maxConnections: 3, applicationName: 'taken' })
    const [idle, open, busy] = [await pool.acquire(), await pool.acquire(), await pool.acquire()]
    await open.execute('begin')
    const working = busy.execute('select pg_sleep(20)').catch(reasonOf)
    await Promise.all([idle, open, busy].map((connection) => connection.release()))
    expect(await working).toBe('commit-unknown')
    expect(pool.stats()).toMatchObject({ discarded: 2, size: 1, available: 1 })

    const cut = await pool.acquire()
    await rig.terminate(`application_name = 'taken'`)
    const error = await rejection(cut.execute('select 1'))
    await cut.release()
    expect(['connection-lost', 'commit-unknown']).toContain(reasonOf(error))
    expect(pool.stats()).toMatchObject({ discarded: 3, size: 0 })
    expect(await askAll(pool, 3)).toEqual(allAnswered(3))
  })

  it.each([
    ['connection', 1],
    ['transaction', 0],
  ] as const)('keep prepared queries as named statements (limits per %s: %d)', async (limitsScope, named) => {
    const pool = rig.open({ maxConnections: 1, limitsScope })
    for (const id of ['a', 'b', 'c']) await noteById.fetch(pool, { id })

    const { kysely } = pool
    const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(
      kysely,
    )

    expect(rows.filter(({ statement }) => statement === noteById.sql)).toHaveLength(named)
  })
})
