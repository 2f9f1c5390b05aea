import { waitUntil } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import { putNote, rejection } from './contract/notes-database.ts'
import { PostgresRig, reasonOf } from './postgres/postgres-rig.ts'

describe('sessions of a PostgreSQL pool that collide', () => {
  const rig = new PostgresRig()

  it('F40 deadlock: commits both sides', async () => {
    const pool = rig.open({ lockTimeoutMs: 10_000, statementTimeoutMs: 15_000, queryTimeoutMs: 20_000 })
    await putNote(pool, 'a', 't')
    await putNote(pool, 'b', 't')
    const bothHoldOne = new Set<string>()

    const increment = (first: string, second: string): Promise<void> =>
      pool.systemSession('test', async ({ kysely }) => {
        const add = (id: string): Promise<unknown> =>
          kysely
            .updateTable('notes')
            .set((eb) => ({ count: eb('count', '+', 1) }))
            .where('id', '=', id)
            .execute()
        await add(first)
        bothHoldOne.add(first)
        await waitUntil('the other side', () => bothHoldOne.size === 2)
        await add(second)
      })
    await Promise.all([increment('a', 'b'), increment('b', 'a')])

    const counts = await rig.administrate<{ count: number }>('select count from notes')
    expect(counts).toEqual([{ count: 2 }, { count: 2 }])
    expect(pool.stats().retried).toBeGreaterThan(0)
  })

  it('F40 serialization failure: two sessions that decide by what they saw end as if one had come after the other', async () => {
    const pool = rig.open()
    const looked = new Set<string>()

    const addByCount = (id: string): Promise<void> =>
      pool.systemSession(
        'test',
        async ({ kysely }) => {
          const { count } = await kysely
            .selectFrom('notes')
            .select((eb) => eb.fn.countAll<number>().as('count'))
            .executeTakeFirstOrThrow()
          looked.add(id)
          await waitUntil('the other side', () => looked.size === 2)
          await kysely.insertInto('notes').values({ id, tenant: 't', body: null, count }).execute()
        },
        { isolationLevel: 'serializable' },
      )
    await Promise.all([addByCount('a'), addByCount('b')])

    const rows = await rig.administrate<{ count: number }>('select count from notes order by count')
    expect(rows).toEqual([{ count: 0 }, { count: 1 }])
    expect(pool.stats().retried).toBeGreaterThan(0)
  })

  it('F40 serialization failure in a nested session: the whole is run again', async () => {
    const pool = rig.open()
    await putNote(pool, 'a', 't')
    let attempts = 0

    await pool.systemSession(
      'test',
      async (session) => {
        attempts += 1
        const { count } = await session.kysely
          .selectFrom('notes')
          .select('count')
          .where('id', '=', 'a')
          .executeTakeFirstOrThrow()
        if (attempts === 1) {
          await rig.administrate(`update notes set count = count + 10 where id = 'a'`)
        }
        await session
          .nested(({ kysely }) =>
            kysely
              .updateTable('notes')
              .set({ count: count + 1 })
              .where('id', '=', 'a')
              .execute(),
          )
          .catch(() => {})
      },
      { isolationLevel: 'repeatable read' },
    )

    expect(await rig.administrate('select count from notes')).toEqual([{ count: 11 }])
    expect(attempts).toBe(2)
  })

  it('F40 serialization failure without end: gives up after the attempts that it has', async () => {
    const pool = rig.open({ maxAttempts: 3 })
    await putNote(pool, 'a', 't')
    let attempts = 0

    const error = await rejection(
      pool.systemSession(
        'test',
        async ({ kysely }) => {
          attempts += 1
          await kysely.selectFrom('notes').selectAll().execute()
          await rig.administrate(`update notes set count = count + 1`)
          await kysely.updateTable('notes').set({ count: 0 }).execute()
        },
        { isolationLevel: 'repeatable read' },
      ),
    )

    expect(reasonOf(error)).toBe('conflict')
    expect(attempts).toBe(3)
    expect(await rig.administrate('select count from notes')).toEqual([{ count: 3 }])
  })

  it('a read-only session cannot change anything', async () => {
    const pool = rig.open()

    const error = await rejection(
      pool.systemSession('test', ({ kysely }) => kysely.deleteFrom('notes').execute(), { readOnly: true }),
    )

    expect(error).toMatchObject({ code: '25006' })
  })
})
