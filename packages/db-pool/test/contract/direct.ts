import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { isUniqueViolation, SessionError } from '../../src/index.ts'
import { noteIds, type NotesPool, rejection } from './notes-database.ts'

const INSERT = 'insert into notes (id, tenant) select unnest($1::text[]), $2'

/** What every pool must do with statements and connections outside sessions. */
export const describeDirect = (pool: () => NotesPool): void => {
  describe('statements of the pool', () => {
    it('commit each by itself and give counts and rows', async () => {
      const inserted = await pool().execute(INSERT, [['a', 'b'], 't'])
      const rows = await pool().fetch<{ id: string }>(
        'select id from notes where tenant = $1 order by id desc',
        ['t'],
      )
      const row = await pool().fetchRow<{ count: number }>('select count(*) as count from notes')
      const nothing = await pool().fetchRow('select id from notes where id = $1', ['z'])

      expect(inserted).toBe(2)
      expect(rows).toEqual([{ id: 'b' }, { id: 'a' }])
      expect(row).toEqual({ count: 2 })
      expect(nothing).toBeUndefined()
      expect(await pool().execute('select 1')).toBe(0)
    })

    it('of Kysely run the same way, transactions included', async () => {
      const { kysely } = pool()
      await kysely.insertInto('notes').values({ id: 'a', tenant: 't', body: null, count: 1 }).execute()
      await kysely.transaction().execute(async (transaction) => {
        await transaction.updateTable('notes').set({ count: 2 }).execute()
      })
      await rejection(
        kysely.transaction().execute(async (transaction) => {
          await transaction.deleteFrom('notes').execute()
          throw new Error('mine')
        }),
      )

      expect(await kysely.selectFrom('notes').select(['id', 'count']).execute()).toEqual([
        { id: 'a', count: 2 },
      ])
    })

    it('throw what the database says about them, and leave nothing behind', async () => {
      await pool().execute(INSERT, [['a'], 't'])
      const taken = await rejection(pool().execute(INSERT, [['a'], 't']))
      const wrong = await rejection(sql`select 1 / 0`.execute(pool().kysely))

      expect(isUniqueViolation(taken, 'notes_pkey')).toBe(true)
      expect(wrong).toMatchObject({ code: '22012' })
      expect(await noteIds(pool())).toEqual(['a'])
    })

    it('are refused inside a session, which would wait for a second connection', async () => {
      const errors = await pool().systemSession('test', () =>
        Promise.all(
          [
            pool().execute('select 1'),
            pool().acquire(),
            pool().kysely.selectFrom('notes').selectAll().execute(),
          ].map(rejection),
        ),
      )

      expect(errors.map((error) => SessionError.is(error) && error.reason)).toEqual(
        errors.map(() => 'nested'),
      )
    })
  })

  describe('an acquired connection', () => {
    it('is one connection until it is released, and then another one can be had', async () => {
      const connection = await pool().acquire()
      await connection.execute('create temporary table mine (value integer)')
      await connection.execute('insert into mine select generate_series(1, 3)')
      const rows = await connection.fetch<{ value: number }>('select value from mine where value > $1', [1])
      const first = await connection.fetchRow('select value from mine order by value')
      await connection.execute('drop table mine')
      await connection.release()
      await connection.release()

      expect(rows).toEqual([{ value: 2 }, { value: 3 }])
      expect(first).toEqual({ value: 1 })
      await expect(connection.execute('select 1')).rejects.toThrow(/given back/u)
      expect(await pool().fetchRow('select 42 as answer')).toEqual({ answer: 42 })
    })

    it('is counted', async () => {
      const before = pool().stats()
      {
        await using connection = await pool().acquire()
        await connection.execute('select 1')
        const { size, available, waiting } = pool()
        expect({ size, available, waiting }).toMatchObject(pool().stats().size === size ? { waiting: 0 } : {})
        expect(size - available).toBe(1)
      }

      expect(pool().available).toBe(pool().size)
      expect(pool().stats().committed).toBe(before.committed)
    })

    it('that is released inside a transaction leaves nothing of it to the next', async () => {
      {
        await using connection = await pool().acquire()
        await connection.execute('begin')
        await connection.execute(INSERT, [['lost'], 't'])
      }
      const seen = await Promise.all(
        Array.from({ length: 5 }, () => pool().fetch('select id from notes where id = $1', ['lost'])),
      )

      expect(seen.flat()).toEqual([])
      expect(await noteIds(pool())).toEqual([])
    })

    it('that is released while its statement runs leaves nothing of it to the next', async () => {
      const connection = await pool().acquire()
      await connection.execute('begin')
      const unfinished = connection
        .fetch('select count(*) from generate_series(1, 2000000)')
        .catch(() => undefined)
      await connection.release()
      const answers = await Promise.all(
        Array.from({ length: 5 }, () =>
          pool().fetchRow('select 42 as answer, pg_current_xact_id_if_assigned()::text as held'),
        ),
      )
      await unfinished

      expect(answers).toEqual(answers.map(() => ({ answer: 42, held: null })))
    })

    it('runs one statement at a time', async () => {
      await using connection = await pool().acquire()
      const running = connection.fetchRow('select 1 as one')
      await expect(connection.fetchRow('select 2')).rejects.toThrow(/one statement at a time/u)
      expect(await running).toEqual({ one: 1 })
    })
  })
}
