import { setTimeout as sleep } from 'node:timers/promises'

import { waitUntil } from '@mreg/testing'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { noteIds, rejection } from './contract/notes-database.ts'
import { allAnswered, askAll, PostgresRig, reasonOf, select } from './postgres/postgres-rig.ts'

describe('a PostgreSQL pool whose server goes away', () => {
  const rig = new PostgresRig()

  it('fails the session whose statement is running, and serves the next', async () => {
    const pool = rig.open({ statementTimeoutMs: 20_000, queryTimeoutMs: 25_000, applicationName: 'victim' })
    const running = rejection(select(pool, 'pg_sleep(15)'))
    await waitUntil('the statement', async () => {
      const rows = await rig.administrate(
        `select from pg_stat_activity where query like '%pg_sleep(15)%' and application_name = 'victim'`,
      )
      return rows.length > 0
    })

    await rig.terminate(`application_name = 'victim'`)

    expect(reasonOf(await running)).toBe('connection-lost')
    expect(await askAll(pool, 3)).toEqual(allAnswered(3))
    expect(pool.stats().discarded).toBe(1)
  })

  it('fails the session that is between two statements, and the process lives', async () => {
    const pool = rig.open({ applicationName: 'victim' })
    const began = Promise.withResolvers<void>()
    const killed = Promise.withResolvers<void>()
    const running = rejection(
      pool.systemSession('test', async ({ kysely }) => {
        await sql`select 1`.execute(kysely)
        began.resolve()
        await killed.promise
        await sql`select 1`.execute(kysely)
      }),
    )
    await began.promise

    await rig.terminate(`application_name = 'victim'`)
    await sleep(100)
    killed.resolve()

    expect(reasonOf(await running)).toBe('connection-lost')
    expect(await askAll(pool, 3)).toEqual(allAnswered(3))
  })

  it('says that nothing was committed when the connection was lost before the commit', async () => {
    const pool = rig.open({ applicationName: 'victim' })
    const error = await rejection(
      pool.systemSession('test', async ({ kysely }) => {
        await kysely.insertInto('notes').values({ id: 'a', tenant: 't', body: null, count: 0 }).execute()
        await rig.terminate(`application_name = 'victim'`)
        await sleep(100)
      }),
    )

    expect(reasonOf(error)).toBe('connection-lost')
    expect(await noteIds(pool)).toEqual([])
  })

  it('says that it does not know when the connection is lost during the commit', async () => {
    const pool = rig.open({ connectionString: rig.proxiedUrl })

    const error = await rejection(
      pool.systemSession('test', async ({ kysely }) => {
        await kysely.insertInto('notes').values({ id: 'a', tenant: 't', body: null, count: 0 }).execute()
        // The commit reaches the server; its answer does not reach us.
        rig.proxy.pause()
        setTimeout(() => rig.proxy.reset(), 200)
      }),
    )

    expect(reasonOf(error)).toBe('commit-unknown')
  })

  it('notices nothing when all idle connections were cut', async () => {
    const pool = rig.open({ maxConnections: 5 })
    expect(await askAll(pool, 5)).toEqual(allAnswered(5))

    await rig.terminate('true')

    expect(await askAll(pool, 5)).toEqual(allAnswered(5))
  })

  it('tries again with another connection when a pooled one turns out to be dead before anything was done', async () => {
    const pool = rig.open({ connectionString: rig.proxiedUrl, maxConnections: 1 })
    expect(await askAll(pool, 1)).toEqual(allAnswered(1))

    rig.proxy.pause()
    const asking = askAll(pool, 1)
    await waitUntil('the session', () => pool.stats().available === 0)
    rig.proxy.reset()
    rig.proxy.resume()

    expect(await asking).toEqual(allAnswered(1))
    expect(pool.stats()).toMatchObject({ retried: 1, discarded: 1 })
  })

  it('F39 timed-out query returned busy: its connection is thrown away, and only that one', async () => {
    const pool = rig.open({
      connectionString: rig.proxiedUrl,
      statementTimeoutMs: 1_000,
      queryTimeoutMs: 2_000,
      maxConnections: 1,
      maxAttempts: 1,
    })
    expect(await askAll(pool, 1)).toEqual(allAnswered(1))

    const error = await rejection(
      pool.systemSession('test', async ({ kysely }) => {
        rig.proxy.pause()
        await sql`select 1`.execute(kysely)
      }),
    )
    rig.proxy.resume()

    expect(reasonOf(error)).toBe('connection-lost')
    expect(await askAll(pool, 7)).toEqual(allAnswered(7))
    expect(pool.stats()).toMatchObject({ size: 1, discarded: 1 })
  })
})
