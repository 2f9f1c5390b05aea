import { setTimeout as sleep } from 'node:timers/promises'

import { waitUntil } from '@mreg/testing'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import type { Notice } from '../../src/index.ts'
import { type NotesPool, rejection } from './notes-database.ts'

/** What every pool must do with LISTEN. `backgroundErrors` gives what was reported so far. */
export const describeListening = (
  pool: () => NotesPool,
  backgroundErrors: () => readonly unknown[],
): void => {
  const notify = (channel: string, payload: string): Promise<unknown> =>
    pool().systemSession('test', ({ kysely }) =>
      sql`select pg_notify(${channel}, ${payload})`.execute(kysely),
    )

  const collect = async (channel: string): Promise<{ notices: Notice[]; end: () => Promise<void> }> => {
    const notices: Notice[] = []
    const listening = await pool().listen(channel, (notice) => notices.push(notice))
    return { notices, end: async () => await listening[Symbol.asyncDispose]() }
  }

  describe('listeners', () => {
    it('are told what is sent to their channel, in order, and nothing after they have ended', async () => {
      const news = await collect('news')
      const other = await collect('other')

      await notify('news', 'one')
      await notify('news', '')
      await notify('other', 'two')
      await waitUntil('the notifications', () => news.notices.length === 2 && other.notices.length === 1)
      await news.end()
      await news.end()
      await notify('news', 'three')
      await notify('other', 'four')
      await waitUntil('the last notification', () => other.notices.length === 2)
      await other.end()

      expect(news.notices).toEqual([
        { payload: 'one', missed: false },
        { payload: undefined, missed: false },
      ])
      expect(other.notices.map(({ payload }) => payload)).toEqual(['two', 'four'])
    })

    it('of one channel are all told, also when one of them throws', async () => {
      const broken = new Error('the listener is broken')
      const bad = await pool().listen('news', () => {
        throw broken
      })
      const good = await collect('news')

      await notify('news', 'one')
      await waitUntil('the notification', () => good.notices.length === 1)
      await bad[Symbol.asyncDispose]()
      await notify('news', 'two')
      await waitUntil('the second notification', () => good.notices.length === 2)
      await good.end()

      expect(backgroundErrors()).toContain(broken)
    })

    it('are not told what was rolled back', async () => {
      const news = await collect('news')

      await rejection(
        pool().systemSession('test', async ({ kysely }) => {
          await sql`select pg_notify('news', 'never')`.execute(kysely)
          throw new Error('mine')
        }),
      )
      await notify('news', 'after')
      await waitUntil('the notification', () => news.notices.length > 0)
      await sleep(20)
      await news.end()

      expect(news.notices).toEqual([{ payload: 'after', missed: false }])
    })

    it('need a channel that is an identifier', async () => {
      await expect(pool().listen('No"', () => {})).rejects.toThrow(RangeError)
    })
  })
}
