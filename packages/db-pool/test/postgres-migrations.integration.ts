import { createTestDatabase } from '@mreg/testing'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { notesMigrations, rejection } from './contract/notes-database.ts'
import { PostgresRig, reasonOf, select } from './postgres/postgres-rig.ts'

describe('a PostgreSQL pool that migrates', () => {
  const rig = new PostgresRig()

  it('does the work once when ten start at once, and the others wait for it', async () => {
    await using fresh = await createTestDatabase(rig.url)
    const starting = Array.from({ length: 10 }, () =>
      rig.open({ connectionString: fresh.url, acquireTimeoutMs: 20_000 }),
    )

    const reports = await Promise.all(starting.map((pool) => pool.migrate(notesMigrations)))

    expect(reports.filter(({ executed }) => executed.length > 0)).toHaveLength(1)
    const tables = await Promise.all(starting.map((pool) => select(pool, `to_regclass('notes')::text`)))
    expect(new Set(tables)).toEqual(new Set(['notes']))
    await Promise.all(starting.map((pool) => pool.close()))
  })

  it('lets a migration take longer than a statement may', async () => {
    await using fresh = await createTestDatabase(rig.url)
    const pool = rig.open({ connectionString: fresh.url, statementTimeoutMs: 100, queryTimeoutMs: 200 })

    const report = await pool.migrate({
      slow: { up: (kysely) => sql`select pg_sleep(0.5)`.execute(kysely).then(() => undefined) },
    })

    expect(report.executed).toEqual(['slow'])
    await pool.close()
  })

  it('says that the database is away when it is', async () => {
    await rig.proxy.refuse()
    const pool = rig.open({ connectionString: rig.proxiedUrl })

    expect(reasonOf(await rejection(pool.migrate(notesMigrations)))).toBe('unreachable')
  })
})
