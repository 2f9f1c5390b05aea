import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { OwnPostgres, waitUntil } from '@mreg/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { Notice } from '../src/index.ts'
import { createPostgresPool, type PostgresPoolOptions } from '../src/pg.ts'
import {
  noteIds,
  type NotesDatabase,
  notesMigrations,
  type NotesPool,
  putNote,
  rejection,
} from './contract/notes-database.ts'
import { FailoverRig } from './postgres/failover-rig.ts'
import { allAnswered, askAll, reasonOf, select } from './postgres/postgres-rig.ts'
import { expectNothingUncaught } from './postgres/record-uncaught.ts'
import { startSource } from './processes/source-process.ts'

/** Faults of a whole server, which therefore is one of our own. The names are those of the catalogue of faults. */
describe('a PostgreSQL pool and its server', { timeout: 120_000 }, () => {
  expectNothingUncaught()
  const pools: NotesPool[] = []
  let server: OwnPostgres | undefined
  const own = (): OwnPostgres => {
    if (server === undefined) {
      throw new Error('the server is not there yet')
    }
    return server
  }
  const open = (options: Partial<PostgresPoolOptions> = {}): NotesPool => {
    const pool = createPostgresPool<NotesDatabase>({
      connectionString: own().url,
      acquireTimeoutMs: 15_000,
      statementTimeoutMs: 10_000,
      queryTimeoutMs: 15_000,
      closeTimeoutMs: 500,
      ...options,
    })
    pools.push(pool)
    return pool
  }
  /** Time limits that a test can wait for, and that a busy machine still keeps. */
  const impatient = { acquireTimeoutMs: 2_000, statementTimeoutMs: 1_000, queryTimeoutMs: 1_500 }

  beforeAll(async () => {
    server = await OwnPostgres.start()
    await open().migrate(notesMigrations)
  }, 120_000)
  afterEach(async () => {
    own().thaw()
    await Promise.all(pools.splice(0).map((pool) => pool.close()))
  })
  afterAll(() => server?.remove())

  it('F34 PostgreSQL down at boot: waits for it, and is refused with a reason while it is away', async () => {
    await own().stop()
    const pool = open()
    const refused = await rejection(select(pool, '1'))
    const ready = pool.initialize({ timeoutMs: 60_000 })
    await own().start()
    await ready

    expect(reasonOf(refused)).toBe('unreachable')
    expect(await askAll(pool, 3)).toEqual(allAnswered(3))
  })

  it.each(['stop', 'crash'] as const)(
    'F35 PostgreSQL restart (%s) under load: each session ends in a result or a typed error, and service returns',
    async (ending) => {
      const pool = open({ maxConnections: 5, acquireTimeoutMs: 5_000 })
      const notices: Notice[] = []
      await pool.listen('news', (notice) => notices.push(notice))
      const outcomes: unknown[] = []
      let over = false
      const load = Array.from({ length: 8 }, async () => {
        // oxlint-disable-next-line no-unmodified-loop-condition -- it is, when all has been seen
        while (!over) {
          outcomes.push(await select(pool, '42').catch(reasonOf))
          await sleep(5)
        }
      })
      await waitUntil('some answers', () => outcomes.length > 20)

      await own()[ending]()
      await waitUntil('a failure', () => outcomes.some((one) => one !== 42))
      await own().start()
      await waitUntil('answers after the restart', () => outcomes.slice(-20).every((one) => one === 42), {
        timeoutMs: 30_000,
      })
      over = true
      await Promise.all(load)
      await waitUntil('the listener', () => notices.some(({ missed }) => missed), { timeoutMs: 30_000 })

      for (const kind of new Set(outcomes)) {
        expect([42, 'unreachable', 'connection-lost', 'not-ready', 'commit-unknown']).toContain(kind)
      }
    },
  )

  it('F36 PostgreSQL frozen: sessions fail within their limits, and none that was stuck is used afterwards', async () => {
    const pool = open({ ...impatient, maxConnections: 3 })
    expect(await askAll(pool, 3)).toEqual(allAnswered(3))

    await own().freeze()
    const stuck = await Promise.all([1, 2, 3, 4, 5].map(() => rejection(select(pool, '1'))))
    const later = await rejection(select(pool, '1'))
    own().thaw()

    for (const error of [...stuck, later]) {
      expect(['connection-lost', 'unreachable', 'exhausted']).toContain(reasonOf(error))
    }
    expect(await askAll(pool, 7)).toEqual(allAnswered(7))
    expect(pool.stats()).toMatchObject({ active: 0, waiting: 0 })
    expect(pool.stats().discarded).toBeGreaterThanOrEqual(3)
  })

  it('F36 PostgreSQL frozen: waits for a frozen server only once, not once for each attempt', async () => {
    const pool = open({ ...impatient, maxConnections: 1 })
    expect(await askAll(pool, 1)).toEqual(allAnswered(1))

    await own().freeze()
    await rejection(select(pool, '1'))
    own().thaw()

    expect(pool.stats().retried).toBe(0)
  })

  it('F36 black-holed while idle: the next session finds out, distrusts the others, and gets a new connection', async () => {
    const pool = open({ maxConnections: 4, validateAfterIdleMs: 50 })
    const connections = await Promise.all([1, 2, 3].map(() => pool.acquire()))
    const pids = await Promise.all(
      connections.map(async (connection) => {
        const row = await connection.fetchRow<{ pid: number }>('select pg_backend_pid() as pid')
        return row?.pid ?? 0
      }),
    )
    await Promise.all(connections.map((connection) => connection.release()))
    await sleep(100)

    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    try {
      expect(await select(pool, '42')).toBe(42)
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT')
    }

    expect(pool.stats()).toMatchObject({ size: 1, discarded: 3, retried: 0 })
  })

  it('F36 PostgreSQL frozen: a process that closes its pool ends', async () => {
    const child = startSource('hold-connections.ts', own().url)
    await waitUntil('the connections', () => child.stdout.includes('open'), { timeoutMs: 60_000 })

    await own().freeze()
    child.signal('SIGTERM')
    const exit = await child.exited
    own().thaw()

    expect(exit).toEqual({ code: 0, signal: null })
    expect(child.stdout).toContain('closed')
  })

  it('F37 PostgreSQL failover: no acknowledged row is missing, and writes wait for the new primary', async () => {
    await using rig = await FailoverRig.start(own())
    const pool = open({ connectionString: rig.url, maxConnections: 4, acquireTimeoutMs: 2_000 })
    const acknowledged: string[] = []
    const failures: unknown[] = []
    let over = false
    const writers = Array.from({ length: 4 }, async () => {
      // oxlint-disable-next-line no-unmodified-loop-condition -- it is, when all has been seen
      while (!over) {
        const id = randomUUID()
        await putNote(pool, id, 't').then(
          () => acknowledged.push(id),
          (error: unknown) => failures.push(error),
        )
        await sleep(5)
      }
    })
    await waitUntil('some rows', () => acknowledged.length > 20, { timeoutMs: 30_000 })

    await rig.crashPrimary()
    await waitUntil(
      'a write that the standby refused',
      () => failures.some((error) => reasonOf(error) === 'not-ready'),
      { timeoutMs: 30_000 },
    )
    const before = acknowledged.length
    await rig.promote()
    await waitUntil('rows on the new primary', () => acknowledged.length > before + 20, { timeoutMs: 30_000 })
    over = true
    await Promise.all(writers)

    const kept = new Set(await noteIds(pool))
    expect(acknowledged.filter((id) => !kept.has(id))).toEqual([])
    for (const error of failures) {
      expect(['not-ready', 'unreachable', 'connection-lost', 'commit-unknown']).toContain(reasonOf(error))
    }
  })
})
