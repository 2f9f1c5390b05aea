import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'
import { beforeEach, describe, expect, it } from 'vitest'

import { isUniqueViolation, SessionError } from '../../src/index.ts'
import { noteIds, type NotesPool, putNote, rejection } from './notes-database.ts'

/** How long the sessions of the pool may be idle: longer than a busy machine keeps a test waiting. */
export const IDLE_TIMEOUT_MS = 2_000

/** What every pool must do with sessions. */
export const describeSessions = (pool: () => NotesPool): void => {
  beforeEach(async () => {
    await pool().systemSession('start a test afresh', ({ kysely }) => kysely.deleteFrom('notes').execute())
  })

  describe('sessions', () => {
    it('commit what the work did and give what it gave', async () => {
      const given = await pool().systemSession('test', async ({ kysely, reason }) => {
        await kysely.insertInto('notes').values({ id: 'a', tenant: 't', body: null, count: 0 }).execute()
        return reason
      })

      expect(given).toBe('test')
      expect(await noteIds(pool())).toEqual(['a'])
    })

    it('roll back when the work rejects, and throw its own error', async () => {
      const mine = new Error('mine')

      const error = await rejection(
        pool().systemSession('test', async ({ kysely }) => {
          await kysely.insertInto('notes').values({ id: 'a', tenant: 't', body: null, count: 0 }).execute()
          throw mine
        }),
      )

      expect(error).toBe(mine)
      expect(await noteIds(pool())).toEqual([])
    })

    it('leave the connection usable after a statement that failed', async () => {
      const error = await rejection(
        pool().systemSession('test', ({ kysely }) => sql`select 1 / 0`.execute(kysely)),
      )

      expect(error).toMatchObject({ code: '22012' })
      expect(await noteIds(pool())).toEqual([])
    })

    it('say so when the work swallowed a failed statement, so that nothing was committed', async () => {
      const error = await rejection(
        pool().systemSession('test', async ({ kysely }) => {
          await kysely.insertInto('notes').values({ id: 'a', tenant: 't', body: null, count: 0 }).execute()
          await sql`select 1 / 0`.execute(kysely).catch(() => {})
        }),
      )

      expect(SessionError.is(error) && error.reason).toBe('aborted')
      expect(await noteIds(pool())).toEqual([])
    })

    it('cannot be used once they have ended', async () => {
      const kysely = await pool().systemSession('test', (session) => Promise.resolve(session.kysely))

      await expect(kysely.selectFrom('notes').selectAll().execute()).rejects.toThrow(/committed/u)
    })

    it('are refused inside another session of the same pool', async () => {
      const error = await rejection(
        pool().systemSession('outer', () => pool().systemSession('inner', () => Promise.resolve())),
      )

      expect(SessionError.is(error) && error.reason).toBe('nested')
    })

    it('may be started by what an ended session left running', async () => {
      let later: Promise<readonly string[]> | undefined
      await pool().systemSession('test', () => {
        later = sleep(50).then(() => noteIds(pool()))
        return Promise.resolve()
      })

      expect(await later).toEqual([])
    })

    it('that collide lose no update', async () => {
      await putNote(pool(), 'a', 't')

      await Promise.all(
        Array.from({ length: 20 }, () =>
          pool().systemSession('test', async ({ kysely }) => {
            const note = await kysely
              .selectFrom('notes')
              .select('count')
              .where('id', '=', 'a')
              .forUpdate()
              .executeTakeFirstOrThrow()
            await kysely
              .updateTable('notes')
              .set({ count: note.count + 1 })
              .where('id', '=', 'a')
              .execute()
          }),
        ),
      )

      const note = await pool().systemSession('test', ({ kysely }) =>
        kysely.selectFrom('notes').select('count').executeTakeFirstOrThrow(),
      )
      expect(note.count).toBe(20)
    })

    it.each(['40001', '40P01'])('are tried again after SQLSTATE %s, from the start', async (state) => {
      let attempts = 0

      await pool().systemSession('test', async ({ kysely }) => {
        attempts += 1
        await kysely
          .insertInto('notes')
          .values({ id: `attempt-${attempts}`, tenant: 't', body: null, count: 0 })
          .execute()
        if (attempts < 3) {
          await raise(state).execute(kysely)
        }
      })

      expect(await noteIds(pool())).toEqual(['attempt-3'])
    })

    it('give up a conflict that does not end', async () => {
      let attempts = 0

      const error = await rejection(
        pool().systemSession('test', async ({ kysely }) => {
          attempts += 1
          await raise('40001').execute(kysely)
        }),
      )

      expect(SessionError.is(error) && error.reason).toBe('conflict')
      expect(attempts).toBe(4)
    })

    it(
      'that hold their transaction without using it are rolled back, and others go on',
      { timeout: 20_000 },
      async () => {
        const error = await rejection(
          pool().systemSession('test', async ({ kysely }) => {
            await kysely.insertInto('notes').values({ id: 'a', tenant: 't', body: null, count: 0 }).execute()
            await sleep(IDLE_TIMEOUT_MS + 1_000)
            await kysely.insertInto('notes').values({ id: 'b', tenant: 't', body: null, count: 0 }).execute()
          }),
        )

        expect(SessionError.is(error) && error.reason).toBe('idle-timeout')
        expect(await noteIds(pool())).toEqual([])
      },
    )

    it('that were idle for too long cannot commit either', { timeout: 20_000 }, async () => {
      const error = await rejection(
        pool().systemSession('test', async ({ kysely }) => {
          await kysely.insertInto('notes').values({ id: 'a', tenant: 't', body: null, count: 0 }).execute()
          await sleep(IDLE_TIMEOUT_MS + 1_000)
        }),
      )

      expect(SessionError.is(error) && error.reason).toBe('idle-timeout')
      expect(await noteIds(pool())).toEqual([])
    })

    it('are counted', async () => {
      const before = pool().stats()
      await noteIds(pool())
      await rejection(pool().systemSession('test', () => Promise.reject(new Error('mine'))))
      const after = pool().stats()

      expect(after.committed - before.committed).toBe(1)
      expect(after.failed - before.failed).toBe(1)
      expect(after).toMatchObject({ active: 0, waiting: 0 })
      expect(after.size).toBeGreaterThan(0)
      expect(after.available).toBe(after.size)
    })
  })

  describe('values', () => {
    it('come alike: bigint as a number while that is exact, time as a Date, JSON parsed, bytes as bytes', async () => {
      const row = await pool().systemSession('test', async ({ kysely }) => {
        const { rows } = await sql<Record<string, unknown>>`
          select 9007199254740991::bigint as safe, 9007199254740993::bigint as large, null::bigint as nothing,
            timestamptz '2026-11-23T01:02:03Z' as time, '{"a":[1]}'::jsonb as json, array['x','y'] as list,
            ${Buffer.from([0, 255])}::bytea as bytes
        `.execute(kysely)
        return rows[0]
      })

      expect(row).toMatchObject({
        safe: 9_007_199_254_740_991,
        large: 9_007_199_254_740_993n,
        nothing: null,
        time: new Date('2026-11-23T01:02:03Z'),
        json: { a: [1] },
        list: ['x', 'y'],
      })
      expect(asBuffer(row?.['bytes'])).toEqual(Buffer.from([0, 255]))
    })

    it('name the constraint that they violate', async () => {
      await putNote(pool(), 'a', 't', 'same')

      const error = await rejection(putNote(pool(), 'b', 't', 'same'))

      expect(isUniqueViolation(error)).toBe(true)
      expect(isUniqueViolation(error, 'notes_body_key')).toBe(true)
      expect(isUniqueViolation(error, 'notes_pkey')).toBe(false)
    })

    it('are not in the errors of the driver', async () => {
      const error = await rejection(
        pool().systemSession('test', ({ kysely }) => sql`select ${'hunter2'}::integer`.execute(kysely)),
      )

      expect(error).toMatchObject({ code: '22P02' })
      expect(JSON.stringify({ ...Object(error), message: '' })).not.toContain('hunter2')
    })
  })
}

const asBuffer = (value: unknown): Buffer | undefined =>
  value instanceof Uint8Array ? Buffer.from(value) : undefined

const raise = (state: string) =>
  sql`do ${sql.lit(`begin raise exception 'staged' using errcode = '${state}'; end`)}`
