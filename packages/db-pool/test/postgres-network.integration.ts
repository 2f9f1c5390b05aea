import { waitUntil } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import { rejection } from './contract/notes-database.ts'
import { allAnswered, askAll, PostgresRig, reasonOf, select } from './postgres/postgres-rig.ts'

/** More than sockets hold, and than passes a slow proxy in the time of a test. */
const LARGE = `select repeat('x', 1000) as text from generate_series(1, 400000)`

describe('a PostgreSQL pool on a network that misbehaves', () => {
  const rig = new PostgresRig()

  it('F1 refused: says so at once', async () => {
    await rig.proxy.refuse()
    const pool = rig.open({ connectionString: rig.proxiedUrl })

    const error = await rejection(select(pool, '1'))

    expect(reasonOf(error)).toBe('unreachable')
    expect(error).toMatchObject({ message: expect.stringContaining('refused') })
  })

  it('F3 and F4 a name that leads nowhere: says so, within the limit', async () => {
    const pool = rig.open({ connectionString: 'postgres://u@database.invalid/d', acquireTimeoutMs: 5_000 })

    const error = await rejection(select(pool, '1'))

    expect(reasonOf(error)).toBe('unreachable')
    expect(error).toMatchObject({ message: expect.stringContaining('database.invalid') })
  })

  it('F8 an answer that is cut short: its connection is lost, and only that one', async () => {
    const pool = rig.open({ connectionString: rig.proxiedUrl, applicationName: 'cut short' })
    expect(await askAll(pool, 1)).toEqual(allAnswered(1))

    rig.proxy.setLatency(20)
    const answer = rejection(pool.fetch(LARGE))
    await waitUntil('the answer to be under way', async () => {
      const rows = await rig.administrate(
        `select from pg_stat_activity where application_name = 'cut short' and wait_event = 'ClientWrite'`,
      )
      return rows.length > 0
    })
    rig.proxy.reset()
    rig.proxy.setLatency(0)

    // A statement by itself may have changed something.
    expect(reasonOf(await answer)).toBe('commit-unknown')
    expect(await askAll(pool, 5)).toEqual(allAnswered(5))
    expect(pool.stats().discarded).toBe(1)
  })

  it('F7 and F10 an answer that stalls: the limit of the statement ends it', async () => {
    const pool = rig.open({
      connectionString: rig.proxiedUrl,
      statementTimeoutMs: 1_000,
      queryTimeoutMs: 2_000,
      maxConnections: 1,
    })
    expect(await askAll(pool, 1)).toEqual(allAnswered(1))

    const answer = rejection(
      pool.systemSession('test', ({ kysely }) => {
        rig.proxy.pause()
        return kysely.selectFrom('notes').selectAll().execute()
      }),
    )
    const error = await answer
    rig.proxy.resume()

    expect(reasonOf(error)).toBe('connection-lost')
    expect(await askAll(pool, 3)).toEqual(allAnswered(3))
  })
})
