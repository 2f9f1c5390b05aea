import { setTimeout as sleep } from 'node:timers/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { DatabaseUnavailableError } from '../src/index.ts'
import { createPglitePool, type PglitePool } from '../src/pglite.ts'
import { rejection } from './contract/notes-database.ts'

describe('the queue of an embedded database', () => {
  let pool: PglitePool<object>

  beforeAll(async () => {
    pool = createPglitePool({ acquireTimeoutMs: 300, maxWaiting: 5 })
    await pool.initialize()
  }, 60_000)

  afterAll(() => pool.close())

  /** A session that holds the connection until it is told to let go. */
  const hold = async (): Promise<() => Promise<void>> => {
    const held = Promise.withResolvers<void>()
    const letGo = Promise.withResolvers<void>()
    const session = pool.systemSession('hold', () => {
      held.resolve()
      return letGo.promise
    })
    await held.promise
    return async () => {
      letGo.resolve()
      await session
    }
  }

  it('never lets two sessions mix, and serves them in the order in which they came', async () => {
    const steps: string[] = []

    await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        pool.systemSession(name, async ({ kysely }) => {
          for (const step of ['begin', 'middle', 'end']) {
            steps.push(`${name} ${step}`)
            // oxlint-disable-next-line no-await-in-loop -- each step gives the others a chance
            await sql`select 1`.execute(kysely)
            // oxlint-disable-next-line no-await-in-loop
            await sleep(1)
          }
        }),
      ),
    )

    expect(steps).toEqual(
      ['a', 'b', 'c'].flatMap((name) => ['begin', 'middle', 'end'].map((step) => `${name} ${step}`)),
    )
  })

  it('gives up a wait that takes too long, and goes on afterwards', async () => {
    const letGo = await hold()

    const error = await rejection(pool.systemSession('late', () => Promise.resolve()))

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('exhausted')
    expect(pool.stats()).toMatchObject({ waiting: 0, available: 0 })
    await letGo()
    expect(await pool.systemSession('next', () => Promise.resolve('served'))).toBe('served')
  })

  it('has an end', async () => {
    const letGo = await hold()
    const waiting = Array.from({ length: 5 }, () => pool.systemSession('waits', () => Promise.resolve()))

    const error = await rejection(pool.systemSession('one too many', () => Promise.resolve()))

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('exhausted')
    expect(error).toMatchObject({ message: expect.stringContaining('5 sessions are waiting') })
    await letGo()
    await Promise.all(waiting)
  })

  it('is empty after the pool has been closed, whoever was waiting', async () => {
    const closing = createPglitePool({ acquireTimeoutMs: 60_000, initialDataDirectory: await pool.dump() })
    await closing.initialize()
    const held = Promise.withResolvers<void>()
    const running = closing.systemSession('hold', async () => {
      held.resolve()
      await sleep(50)
    })
    await held.promise
    const waiting = rejection(closing.systemSession('waits', () => Promise.resolve()))

    await closing.close()

    const error = await waiting
    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('closed')
    await running
  }, 30_000)
})
