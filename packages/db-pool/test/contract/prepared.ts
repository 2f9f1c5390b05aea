import type { Kysely } from 'kysely'
import { describe, expect, it } from 'vitest'

import { type ParameterPlaceholder, prepareQuery } from '../../src/index.ts'
import { type NotesDatabase, type NotesPool, putNote, rejection } from './notes-database.ts'

type Notes = Kysely<NotesDatabase>

let built = 0

const notesOf = prepareQuery(
  (kysely: Notes, parameter: ParameterPlaceholder<{ tenant: string; least: number; limit: number }>) => {
    built += 1
    return kysely
      .selectFrom('notes')
      .select(['id', 'count'])
      .where('tenant', '=', parameter('tenant'))
      .where('count', '>=', parameter('least'))
      .where('body', 'is', null)
      .orderBy('id')
      .limit(parameter('limit'))
  },
)

const addTo = prepareQuery((kysely: Notes, parameter: ParameterPlaceholder<{ id: string; by: number }>) =>
  kysely
    .updateTable('notes')
    .set((eb) => ({ count: eb('count', '+', parameter('by')) }))
    .where('id', '=', parameter('id')),
)

const put = prepareQuery(
  (kysely: Notes, parameter: ParameterPlaceholder<{ id: string; body: string | null }>) =>
    kysely
      .insertInto('notes')
      .values({ id: parameter('id'), tenant: 'ann', body: parameter('body'), count: 7 })
      .returning(['id', 'body']),
)

const everything = prepareQuery((kysely: Notes) => kysely.selectFrom('notes').selectAll().orderBy('id'))

/** What every pool must do with queries that were compiled once. */
export const describePrepared = (pool: () => NotesPool): void => {
  describe('prepared queries', () => {
    it('give the same as the query itself, in sessions of both kinds and on the pool', async () => {
      await Promise.all(['a', 'b', 'c'].map((id) => putNote(pool(), id, 'ann')))
      const parameters = { tenant: 'ann', least: 0, limit: 2 }
      const expected = [
        { id: 'a', count: 0 },
        { id: 'b', count: 0 },
      ]

      expect(await notesOf.fetch(pool(), parameters)).toEqual(expected)
      expect(await pool().systemSession('test', (session) => notesOf.fetch(session, parameters))).toEqual(
        expected,
      )
      expect(await pool().tenantSession('ann', (session) => notesOf.fetch(session, parameters))).toEqual(
        expected,
      )
      expect(await pool().tenantSession('bob', (session) => notesOf.fetch(session, parameters))).toEqual([])
      expect(await notesOf.fetchRow(pool(), { ...parameters, least: 1 })).toBeUndefined()
      expect(built).toBe(1)
    })

    it('take new values each time, at once on many connections too', async () => {
      await Promise.all(['a', 'b', 'c', 'd'].map((id) => put.fetchRow(pool(), { id, body: id })))
      const changed = await Promise.all(
        ['a', 'b', 'c', 'd', 'z'].map((id, by) => addTo.execute(pool(), { id, by })),
      )

      expect(changed).toEqual([1, 1, 1, 1, 0])
      const rows = await everything.fetch(pool(), {})
      expect(rows.map(({ id, body, count }) => [id, body, count])).toEqual([
        ['a', 'a', 7],
        ['b', 'b', 8],
        ['c', 'c', 9],
        ['d', 'd', 10],
      ])
    })

    it('take null as a value', async () => {
      expect(await put.fetchRow(pool(), { id: 'a', body: null })).toEqual({ id: 'a', body: null })
    })

    it('name the parameter that is missing', async () => {
      // @ts-expect-error -- the body is missing
      const error = await rejection(put.fetch(pool(), { id: 'a' }))

      expect(error).toMatchObject({ message: expect.stringContaining('"body"') })
    })

    it('survive a change of the schema under them', async () => {
      await putNote(pool(), 'a', 'ann')
      await Promise.all(Array.from({ length: 5 }, () => everything.fetch(pool(), {})))

      await pool().execute('alter table notes add column extra integer default 5')
      try {
        const inSession = await pool().systemSession('test', (session) => everything.fetch(session, {}))
        expect(inSession).toEqual([expect.objectContaining({ id: 'a', extra: 5 })])
      } finally {
        await pool().execute('alter table notes drop column extra')
      }
      const direct = await Promise.all(Array.from({ length: 5 }, () => everything.fetchRow(pool(), {})))
      expect(direct).toEqual(direct.map(() => ({ id: 'a', tenant: 'ann', body: null, count: 0 })))
    })
  })
}
