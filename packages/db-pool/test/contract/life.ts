import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { DatabaseUnavailableError } from '../../src/index.ts'
import { type NotesPool, rejection } from './notes-database.ts'

/** What every pool must do at its start and end. `open` gives a new one each time. */
export const describeLife = (open: () => NotesPool): void => {
  describe('a pool', () => {
    it('can be closed before its first use, and more than once', async () => {
      const pool = open()

      await Promise.all([pool.close(), pool.close()])
      await pool[Symbol.asyncDispose]()

      expect(pool.stats()).toMatchObject({ size: 0, active: 0 })
    })

    it(
      'finishes the session that is running when it closes, and refuses the next',
      { timeout: 30_000 },
      async () => {
        const pool = open()
        await pool.initialize()
        const started = Promise.withResolvers<void>()
        const running = pool.systemSession('test', async ({ kysely }) => {
          await sql`select 1`.execute(kysely)
          started.resolve()
          await sleep(100)
          const { rows } = await sql<{ answer: number }>`select 42 as answer`.execute(kysely)
          return rows[0]?.answer
        })
        await started.promise

        const closing = pool.close()
        const late = [
          pool.systemSession('late', () => Promise.resolve()),
          pool.tenantSession('late', () => Promise.resolve()),
          pool.migrate({}),
          pool.listen('late', () => {}),
          pool.initialize(),
        ]
        const refusals = await Promise.all(late.map(rejection))

        expect(refusals.map((error) => DatabaseUnavailableError.is(error) && error.reason)).toEqual(
          late.map(() => 'closed'),
        )
        expect(await running).toBe(42)
        await closing
      },
    )

    it('cuts the session that does not end when it closes', { timeout: 30_000 }, async () => {
      const pool = open()
      await pool.initialize()
      const started = Promise.withResolvers<void>()
      const closed = Promise.withResolvers<void>()
      const running = rejection(
        pool.systemSession('test', async ({ kysely }) => {
          await sql`select 1`.execute(kysely)
          started.resolve()
          await closed.promise
          await sql`select 1`.execute(kysely)
        }),
      )
      await started.promise

      await pool.close()
      closed.resolve()

      expect(DatabaseUnavailableError.is(await running)).toBe(true)
    })
  })
}
