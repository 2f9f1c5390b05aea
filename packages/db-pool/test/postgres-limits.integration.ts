import { waitUntil } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import { putNote, rejection } from './contract/notes-database.ts'
import { allAnswered, askAll, PostgresRig, reasonOf, select } from './postgres/postgres-rig.ts'

describe('the limits of a PostgreSQL pool', () => {
  const rig = new PostgresRig()

  it.each(['connection', 'transaction'] as const)('tells the server (per %s)', async (limitsScope) => {
    const pool = rig.open({
      limitsScope,
      statementTimeoutMs: 1_234,
      lockTimeoutMs: 567,
      idleInTransactionTimeoutMs: 8_901,
      applicationName: 'limits',
    })

    for (const [setting, value] of [
      ['statement_timeout', '1234ms'],
      ['lock_timeout', '567ms'],
      ['idle_in_transaction_session_timeout', '8901ms'],
      ['jit', 'off'],
      ['application_name', 'limits'],
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- what is asked does not matter together
      expect(await select(pool, `current_setting('${setting}')`)).toBe(value)
    }
  })

  it('F39 a statement that takes too long: the server cancels it, and no connection is lost with it', async () => {
    const pool = rig.open({ statementTimeoutMs: 500, maxConnections: 1 })

    const error = await rejection(select(pool, 'pg_sleep(30)'))

    expect(reasonOf(error)).toBe('statement-timeout')
    expect(await askAll(pool, 7)).toEqual(allAnswered(7))
    expect(pool.stats()).toMatchObject({ size: 1, discarded: 0 })
  })

  it('does not wait for a lock for ever', async () => {
    const pool = rig.open({ lockTimeoutMs: 200 })
    await putNote(pool, 'a', 't')
    const locked = Promise.withResolvers<void>()
    const done = Promise.withResolvers<void>()
    const holder = pool.systemSession('hold', async ({ kysely }) => {
      await kysely.updateTable('notes').set({ count: 1 }).execute()
      locked.resolve()
      await done.promise
    })
    await locked.promise

    const error = await rejection(
      pool.systemSession('wait', ({ kysely }) => kysely.updateTable('notes').set({ count: 2 }).execute()),
    )

    expect(reasonOf(error)).toBe('lock-timeout')
    done.resolve()
    await holder
  })

  it('F38 pool exhausted: a session waits for so long and no longer, and only so many wait', async () => {
    const pool = rig.open({ maxConnections: 1, acquireTimeoutMs: 500, maxWaiting: 1 })
    const held = Promise.withResolvers<void>()
    const done = Promise.withResolvers<void>()
    const holder = pool.systemSession('hold', () => {
      held.resolve()
      return done.promise
    })
    await held.promise

    const waiting = rejection(select(pool, '1'))
    await waitUntil('the one who waits', () => pool.stats().waiting === 1)
    const refused = await rejection(select(pool, '1'))

    expect(reasonOf(refused)).toBe('exhausted')
    expect(refused).toMatchObject({ message: expect.stringContaining('waiting already') })
    const timedOut = await waiting
    expect(reasonOf(timedOut)).toBe('exhausted')
    expect(timedOut).toMatchObject({ message: 'all 1 connections were busy for 500 ms' })
    done.resolve()
    await holder
    expect(await askAll(pool, 2)).toEqual(allAnswered(2))
  })

  it('F38 pool exhausted: lets nobody wait where nobody may, and works all the same', async () => {
    const pool = rig.open({ maxConnections: 1, maxWaiting: 0 })
    expect(await select(pool, '42')).toBe(42)

    await using held = await pool.acquire()
    expect(await held.execute('select 1')).toBe(0)

    expect(reasonOf(await rejection(select(pool, '1')))).toBe('exhausted')
  })

  it('refuses options that contradict each other, by name', () => {
    expect(() => rig.open({ statementTimeoutMs: 3_000, queryTimeoutMs: 3_000 })).toThrow(
      /statementTimeoutMs/u,
    )
    expect(() => rig.open({ minConnections: 2, maxConnections: 1 })).toThrow(/minConnections/u)
    expect(() => rig.open({ maxAttempts: 0 })).toThrow(/maxAttempts/u)
  })
})
