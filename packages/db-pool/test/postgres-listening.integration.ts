import { setTimeout as sleep } from 'node:timers/promises'

import { waitUntil } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import type { Notice } from '../src/index.ts'
import { type NotesPool, rejection } from './contract/notes-database.ts'
import { PostgresRig, reasonOf } from './postgres/postgres-rig.ts'

const collect = async (pool: NotesPool): Promise<Notice[]> => {
  const notices: Notice[] = []
  await pool.listen('news', (notice) => notices.push(notice))
  return notices
}

const countListeners = async (rig: PostgresRig): Promise<number> => {
  const rows = await rig.administrate(
    `select from pg_stat_activity where datname = current_database() and application_name = 'listener listen'`,
  )
  return rows.length
}

describe('a PostgreSQL pool that listens', () => {
  const rig = new PostgresRig()

  it('listens again after its connection was cut, and says that something may have been missed', async () => {
    const errors: string[] = []
    const pool = rig.open({
      applicationName: 'listener',
      onBackgroundError: (_, source) => errors.push(source),
    })
    const notices = await collect(pool)
    await rig.administrate(`notify news, 'one'`)
    await waitUntil('the first notification', () => notices.length === 1)

    await rig.terminate(`application_name = 'listener listen'`)
    await waitUntil('the reconnection', () => notices.length === 2)
    await rig.administrate(`notify news, 'two'`)
    await waitUntil('the second notification', () => notices.length === 3)

    expect(notices).toEqual([
      { payload: 'one', missed: false },
      { payload: undefined, missed: true },
      { payload: 'two', missed: false },
    ])
    expect(errors).toContain('listen')
  })

  it('tries for as long as the server is away', async () => {
    const pool = rig.open({ listenConnectionString: rig.proxiedUrl })
    const notices = await collect(pool)

    await rig.proxy.refuse()
    rig.proxy.reset()
    await sleep(1_000)
    expect(notices).toEqual([])
    await rig.proxy.accept()

    await waitUntil('the reconnection', () => notices.some(({ missed }) => missed), { timeoutMs: 20_000 })
    await rig.administrate(`notify news, 'after'`)
    await waitUntil('the notification', () => notices.some(({ payload }) => payload === 'after'))
  })

  it('finds out by itself that its connection is dead', async () => {
    const pool = rig.open({
      listenConnectionString: rig.proxiedUrl,
      listenHeartbeatMs: 200,
      statementTimeoutMs: 200,
      queryTimeoutMs: 400,
    })
    const notices = await collect(pool)
    const before = rig.proxy.connectionsAccepted

    // Nothing is closed; there is just no answer any more.
    rig.proxy.pause()
    await waitUntil('the next try', () => rig.proxy.connectionsAccepted > before)
    rig.proxy.resume()

    await waitUntil('the reconnection', () => notices.length > 0, { timeoutMs: 20_000 })
    expect(notices[0]).toEqual({ payload: undefined, missed: true })
  })

  it('uses one connection for all that listen, and none when nobody does', async () => {
    const pool = rig.open({ applicationName: 'listener' })
    const listening = await Promise.all(['a', 'b', 'c', 'a'].map((channel) => pool.listen(channel, () => {})))

    expect(await countListeners(rig)).toBe(1)
    await Promise.all(listening.map((one) => one[Symbol.asyncDispose]()))
    await waitUntil('the end of the connection', async () => (await countListeners(rig)) === 0)
  })

  it('polls where LISTEN is off', async () => {
    const pool = rig.open({ listenConnectionString: 'off', listenPollIntervalMs: 20 })
    const notices = await collect(pool)

    await waitUntil('polls', () => notices.length >= 3)

    expect(notices[0]).toEqual({ payload: undefined, missed: true })
  })

  it('says so when it cannot begin', async () => {
    await rig.proxy.refuse()
    const pool = rig.open({ listenConnectionString: rig.proxiedUrl })

    expect(reasonOf(await rejection(pool.listen('news', () => {})))).toBe('unreachable')
  })
})
