import { waitUntil } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import { connectionLifetimeMs } from '../src/postgres/connection-lifetime.ts'
import type { NotesPool } from './contract/notes-database.ts'
import { allAnswered, askAll, PostgresRig, select } from './postgres/postgres-rig.ts'

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

  it('that were idle for long are asked whether the server is still there, and others are not', async () => {
    const sql: string[] = []
    const pool = rig.open({ maxConnections: 1, validateAfterIdleMs: 0, applicationName: 'asked' })
    const lastStatement = async (): Promise<void> => {
      const rows = await rig.administrate<{ query: string }>(
        `select query from pg_stat_activity where application_name = 'asked'`,
      )
      sql.push(...rows.map(({ query }) => query))
    }
    const first = await pool.acquire()
    await first.release()
    const second = await pool.acquire()
    await lastStatement()
    await second.release()

    expect(sql).toEqual(['select 1'])
  })
})
