import type { Worker } from 'node:worker_threads'

import { waitUntil } from '@mreg/testing'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { DatabaseUnavailableError, type Notice, SessionError } from '../src/index.ts'
import { createPglitePool, type PglitePoolOptions } from '../src/pglite.ts'
import { noteIds, type NotesPool, putNote, rejection } from './contract/notes-database.ts'
import { Directories } from './pglite/directories.ts'

/** Takes longer than any test, and needs neither memory nor disk. */
const COUNT_FOR_EVER = 'select count(*) from (select generate_series(1, 100000000000)) numbers'

describe('the thread of an embedded database', { timeout: 300_000 }, () => {
  let directories: Directories
  /** All threads that were started, the newest last. */
  const threads: Worker[] = []
  const remember = (worker: Worker): void => void threads.push(worker)
  const errors: unknown[] = []

  beforeAll(async () => {
    directories = await Directories.prepare()
  }, 300_000)

  beforeEach(() => {
    process.on('worker', remember)
    threads.length = 0
    errors.length = 0
  })

  afterEach(async () => {
    process.off('worker', remember)
    await directories.closeAll()
  })

  afterAll(() => directories[Symbol.asyncDispose]())

  const open = (options: PglitePoolOptions = {}): NotesPool =>
    directories.pool(directories.fresh(), {
      // A busy machine takes its time to start a thread.
      acquireTimeoutMs: 120_000,
      onBackgroundError: (error) => errors.push(error),
      ...options,
    })
  const endThread = async (): Promise<void> => void (await threads.at(-1)?.terminate())

  it('leaves the event loop free while the database computes', async () => {
    const pool = open()
    await pool.initialize()
    let turns = 0
    const interval = setInterval(() => (turns += 1), 1)

    await pool.systemSession('compute', ({ kysely }) =>
      sql`select count(*) from (select generate_series(1, 5000000)) numbers`.execute(kysely),
    )

    clearInterval(interval)
    expect(turns).toBeGreaterThan(20)
  })

  it('that ends takes the session with it that is under way, and nothing that was committed', async () => {
    const pool = open()
    await putNote(pool, 'committed', 't')

    const error = await rejection(
      pool.systemSession('under way', async ({ kysely }) => {
        await kysely.insertInto('notes').values({ id: 'lost', tenant: 't', body: null, count: 0 }).execute()
        await endThread()
        await kysely.selectFrom('notes').selectAll().execute()
      }),
    )

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('connection-lost')
    expect(await noteIds(pool)).toEqual(['committed', 'from-the-tarball'])
    expect(threads).toHaveLength(2)
    expect(errors).toHaveLength(1)
  })

  it('that ends during a statement or a commit fails it with an error that says what is known', async () => {
    const pool = open()
    await pool.initialize()
    const begun = Promise.withResolvers<void>()
    const statement = rejection(
      pool.systemSession('compute', async ({ kysely }) => {
        // What fails before the first statement is tried again.
        await sql`select 1`.execute(kysely)
        begun.resolve()
        await sql.raw(COUNT_FOR_EVER).execute(kysely)
      }),
    )
    await begun.promise
    await endThread()

    const lost = await statement
    expect(DatabaseUnavailableError.is(lost) && lost.reason).toBe('connection-lost')

    // Its commit has to check a constraint that was put off, which takes longer than anybody waits.
    await pool.execute(`create function count_for_ever() returns trigger language plpgsql as
      'begin perform (${COUNT_FOR_EVER}); return null; end'`)
    await pool.execute(`create constraint trigger slow after insert on notes
      deferrable initially deferred for each row execute function count_for_ever()`)
    const inserted = Promise.withResolvers<void>()
    const commit = rejection(
      pool.systemSession('commit', async ({ kysely }) => {
        await kysely.insertInto('notes').values({ id: 'x', tenant: 't', body: null, count: 0 }).execute()
        inserted.resolve()
      }),
    )
    await inserted.promise
    // The work has fulfilled: what comes next is the commit.
    await new Promise(setImmediate)
    await endThread()

    const unknown = await commit
    expect(SessionError.is(unknown) && unknown.reason).toBe('commit-unknown')
    expect(await noteIds(pool)).toEqual(['from-the-tarball'])
  })

  it('is started again however often it ends, for those who wait and those who listen', async () => {
    const pool = open()
    const notices: Notice[] = []
    const listening = await pool.listen('news', (notice) => notices.push(notice))

    for (let death = 1; death <= 3; death += 1) {
      await endThread()
      expect(await noteIds(pool)).toEqual(['from-the-tarball'])
      await pool.execute("select pg_notify('news', $1)", [String(death)])
      await waitUntil('the notification', () => notices.at(-1)?.payload === String(death), {
        timeoutMs: 120_000,
      })
    }

    await listening[Symbol.asyncDispose]()
    expect(notices).toEqual(
      ['1', '2', '3'].flatMap((payload) => [
        { payload: undefined, missed: true },
        { payload, missed: false },
      ]),
    )
  })

  it('ends when a result does not fit into its memory, and the program goes on', async () => {
    const pool = open()
    await pool.initialize()

    const error = await rejection(
      pool.systemSession('too much', ({ kysely }) =>
        sql`select repeat('x', 1000000) from generate_series(1, 1000)`.execute(kysely),
      ),
    )

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('connection-lost')
    expect(await noteIds(pool)).toEqual(['from-the-tarball'])
  })

  it('ends when a statement runs for too long', async () => {
    const pool = open({ statementTimeoutMs: 8_000 })
    await pool.initialize()

    const error = await rejection(
      pool.systemSession('for ever', ({ kysely }) => sql.raw(COUNT_FOR_EVER).execute(kysely)),
    )

    expect(SessionError.is(error) && error.reason).toBe('statement-timeout')
    expect(await noteIds(pool)).toEqual(['from-the-tarball'])
  })

  it('says so when what was in memory is gone with it', async () => {
    await using pool = createPglitePool({ acquireTimeoutMs: 5_000, maxAttempts: 1 })
    await pool.initialize()
    await endThread()

    const error = await rejection(pool.systemSession('too late', () => Promise.resolve()))

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('connection-lost')
    expect(error).toMatchObject({ message: expect.stringContaining('in memory') })
  })

  it('takes objects as JSON, whatever class they are of, and refuses what nobody could store', async () => {
    const pool = open()
    const given = await pool.fetchRow<{ plain: unknown; address: unknown; dates: unknown }>(
      'select $1::jsonb as plain, $2::jsonb as address, $3::timestamptz[] as dates',
      [{ a: [1, { b: null }] }, new URL('http://example.com/x'), [new Date(0)]],
    )

    expect(given).toEqual({
      plain: { a: [1, { b: null }] },
      address: 'http://example.com/x',
      dates: [new Date(0)],
    })
    await expect(pool.fetchRow('select $1', [Symbol('no')])).rejects.toThrow(/Symbol|clone/u)
    expect(await noteIds(pool)).toEqual(['from-the-tarball'])
  })
})
