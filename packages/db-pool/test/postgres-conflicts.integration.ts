import { waitUntil } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import { putNote } from './contract/notes-database.ts'
import { PostgresRig } from './postgres/postgres-rig.ts'

describe('sessions of a PostgreSQL pool that collide', () => {
  const rig = new PostgresRig()

  it('commits both sides of a deadlock', async () => {
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
})
