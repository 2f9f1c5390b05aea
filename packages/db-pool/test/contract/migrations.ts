import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { type Migration, MigrationError } from '../../src/index.ts'
import { type NotesPool, notesMigrations, rejection } from './notes-database.ts'

const addTable = (table: string): Migration => ({
  up: (kysely) => kysely.schema.createTable(table).addColumn('id', 'integer').execute(),
})

/** What every pool must do with migrations. `pool` has run {@link notesMigrations} and nothing else. */
export const describeMigrations = (pool: () => NotesPool): void => {
  const tableExists = (table: string): Promise<boolean> =>
    pool().systemSession('look at the outcome of a test', async ({ kysely }) => {
      const { rows } = await sql<{
        found: boolean
      }>`select to_regclass(${table}) is not null as found`.execute(kysely)
      return rows[0]?.found === true
    })

  describe('migrations', () => {
    it('run once', async () => {
      expect(await pool().migrate(notesMigrations)).toEqual({ executed: [], newer: [] })
    })

    it('are undone together when one fails, which is named', async () => {
      const broken: Migration = { up: (kysely) => sql`select 1 / 0`.execute(kysely).then(() => undefined) }

      const error = await rejection(
        pool().migrate({ ...notesMigrations, '0002-good': addTable('good'), '0003-broken': broken }),
      )

      expect(MigrationError.is(error) && error.migrationName).toBe('0003-broken')
      expect(error).toMatchObject({ message: expect.stringContaining('division by zero') })
      expect(await tableExists('good')).toBe(false)
    })

    it('run in the order of their names, and an older version starts on what a newer one has made', async () => {
      const newest = {
        '0003-third': addTable('third'),
        ...notesMigrations,
        '0002-second': addTable('second'),
      }

      const report = await pool().migrate(newest)
      const older = await pool().migrate(notesMigrations)
      const again = await pool().migrate(newest)

      expect(report).toEqual({ executed: ['0002-second', '0003-third'], newer: [] })
      expect(older).toEqual({ executed: [], newer: ['0002-second', '0003-third'] })
      expect(again).toEqual({ executed: [], newer: [] })
    })

    it('are refused when the database has a history of its own', async () => {
      const error = await rejection(
        pool().migrate({
          ...notesMigrations,
          '0003-third': addTable('third'),
          '0004-fourth': addTable('fourth'),
        }),
      )

      expect(MigrationError.is(error) && error.migrationName).toBeUndefined()
      expect(error).toMatchObject({ message: expect.stringContaining('0002-second') })
      expect(await tableExists('fourth')).toBe(false)
    })

    it('leave no limit or lock behind', async () => {
      const settings = await pool().systemSession('test', async ({ kysely }) => {
        const { rows } = await sql<{ locks: number }>`
          select count(*) as locks from pg_locks
          where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
        `.execute(kysely)
        return rows[0]
      })

      expect(settings).toEqual({ locks: 0 })
    })
  })
}
