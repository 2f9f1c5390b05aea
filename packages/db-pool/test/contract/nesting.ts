import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { SessionError, type SystemSession } from '../../src/index.ts'
import { noteIds, type NotesDatabase, type NotesPool, rejection } from './notes-database.ts'

const put = async ({ kysely }: Pick<SystemSession<NotesDatabase>, 'kysely'>, id: string): Promise<void> => {
  await kysely.insertInto('notes').values({ id, tenant: 'ann', body: null, count: 0 }).execute()
}

const fail = (session: SystemSession<NotesDatabase>): Promise<unknown> =>
  sql`select 1 / 0`.execute(session.kysely)

const raise = (state: string) =>
  sql`do ${sql.lit(`begin raise exception 'staged' using errcode = '${state}'; end`)}`

const reasonOf = (error: unknown): string | undefined => (SessionError.is(error) ? error.reason : undefined)

/** What every pool must do with sessions inside sessions. */
export const describeNesting = (pool: () => NotesPool): void => {
  describe('nested sessions', () => {
    it('are part of the session, and give what their work gave', async () => {
      const given = await pool().systemSession('test', async (session) => {
        await put(session, 'outer')
        return await session.nested(async (inner) => {
          await put(inner, 'inner')
          return inner.reason
        })
      })

      expect(given).toBe('test')
      expect(await noteIds(pool())).toEqual(['inner', 'outer'])
    })

    it('that fail take only themselves back, and the session goes on', async () => {
      const mine = new Error('mine')

      const errors = await pool().systemSession('test', async (session) => {
        await put(session, 'before')
        const own = await rejection(
          session.nested(async (inner) => {
            await put(inner, 'lost')
            throw mine
          }),
        )
        const ofStatement = await rejection(
          session.nested(async (inner) => {
            await put(inner, 'lost')
            await fail(inner)
          }),
        )
        await put(session, 'after')
        return [own, ofStatement]
      })

      expect(errors).toEqual([mine, expect.objectContaining({ code: '22012' })])
      expect(await noteIds(pool())).toEqual(['after', 'before'])
    })

    it('go with the session when that fails later', async () => {
      await rejection(
        pool().systemSession('test', async (session) => {
          await session.nested((inner) => put(inner, 'inner'))
          throw new Error('mine')
        }),
      )

      expect(await noteIds(pool())).toEqual([])
    })

    it('nest to any depth, each level failing alone', async () => {
      await pool().systemSession('test', async (session) => {
        await session.nested(async (middle) => {
          await put(middle, 'middle')
          await rejection(
            middle.nested(async (inner) => {
              await put(inner, 'inner')
              await rejection(inner.nested(fail))
              await put(inner, 'inner-after')
              throw new Error('mine')
            }),
          )
          await middle.nested((inner) => put(inner, 'second'))
        })
      })

      expect(await noteIds(pool())).toEqual(['middle', 'second'])
    })

    it('stay with their tenant', async () => {
      const seen = await pool().tenantSession('ann', async (session) => {
        await session.nested((inner) => put(inner, 'of-ann'))
        await rejection(
          session.nested(({ kysely }) =>
            kysely.insertInto('notes').values({ id: 'b', tenant: 'bob', body: null, count: 0 }).execute(),
          ),
        )
        return await session.nested(({ kysely, tenantId }) =>
          kysely.selectFrom('notes').select('id').where('tenant', '=', tenantId).execute(),
        )
      })

      expect(seen).toEqual([{ id: 'of-ann' }])
    })

    it('say so when their work swallowed a failed statement, and the session goes on', async () => {
      const error = await pool().systemSession('test', async (session) => {
        const swallowed = await rejection(
          session.nested(async (inner) => {
            await put(inner, 'lost')
            await fail(inner).catch(() => {})
          }),
        )
        await put(session, 'after')
        return swallowed
      })

      expect(reasonOf(error)).toBe('aborted')
      expect(await noteIds(pool())).toEqual(['after'])
    })

    it.each(['40001', '40P01'])(
      'that collide (%s) have the whole session run again, also when it catches the error',
      async (state) => {
        let attempts = 0

        await pool().systemSession('test', async (session) => {
          attempts += 1
          await put(session, `attempt-${attempts}`)
          await session
            .nested(async (inner) => {
              if (attempts < 3) {
                await raise(state).execute(inner.kysely)
              }
            })
            .catch(() => {})
        })

        expect(await noteIds(pool())).toEqual(['attempt-3'])
      },
    )

    it('are refused beside another one, and after their session has ended', async () => {
      const { beside, late } = await pool().systemSession('test', async (session) => {
        const results = await Promise.allSettled([
          session.nested((inner) => put(inner, 'first')),
          session.nested((inner) => put(inner, 'second')),
        ])
        const ended = await session.nested((inner) => Promise.resolve(inner))
        return {
          beside: results.map((result) => (result.status === 'rejected' ? reasonOf(result.reason) : 'kept')),
          late: reasonOf(await rejection(ended.nested(() => Promise.resolve()))),
        }
      })

      expect(beside).toEqual(['kept', 'nested'])
      expect(late).toBe('nested')
      expect(await noteIds(pool())).toEqual(['first'])
    })
  })
}
