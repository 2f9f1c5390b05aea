import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { waitUntil } from '@mreg/testing'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { DatabaseUnavailableError, type Migration } from '../src/index.ts'
import { listDumps, type PglitePool, type RecoveryReport, restoreDump } from '../src/pglite.ts'
import {
  noteIds,
  type NotesDatabase,
  notesMigrations,
  putNote,
  rejection,
} from './contract/notes-database.ts'
import { Directories } from './pglite/directories.ts'
import { startSource } from './processes/source-process.ts'

const addColumn: Migration = {
  up: async (kysely) => void (await sql`alter table notes add column colour text`.execute(kysely)),
}
const next = { ...notesMigrations, '0002-colour': addColumn }

describe('the dumps of an embedded database', { timeout: 300_000 }, () => {
  let directories: Directories

  beforeAll(async () => {
    directories = await Directories.prepare()
  }, 300_000)

  afterEach(() => directories.closeAll())

  afterAll(() => directories[Symbol.asyncDispose]())

  it('are made when the newest is too old, are complete, for the owner only, and 2 are kept when 2 shall be', async () => {
    const directory = directories.fresh()
    const pool = directories.pool(directory, { dumps: { intervalMs: 500, keep: 2 } })
    await pool.systemSession('write', ({ kysely }) =>
      sql`insert into notes select g::text, 't', md5(g::text), g from generate_series(1, 2000) g`.execute(
        kysely,
      ),
    )
    const first = await waitUntil('a dump', async () => (await listDumps(directory)).at(-1)?.path, {
      timeoutMs: 120_000,
    })
    // Whatever is removed was followed by newer ones.
    await waitUntil('the first to be removed', async () => !(await exists(first)), { timeoutMs: 120_000 })
    await waitUntil('two', async () => (await listDumps(directory)).length === 2, { timeoutMs: 120_000 })
    const expected = await contents(pool)
    await pool.close()
    const [newest] = await listDumps(directory)

    expect((await stat(newest?.path ?? '')).mode & 0o777).toBe(0o600)
    const copy = directories.fresh()
    await mkdir(copy, { recursive: true })
    expect(await restoreDump({ dataDirectory: copy, dump: newest?.path ?? '' })).toBeUndefined()
    expect(await contents(directories.pool(copy))).toEqual(expected)
  })

  it('are made before migrations, with what was there before them', async () => {
    const directory = directories.fresh()
    const pool = directories.pool(directory)
    await putNote(pool, 'before', 't')
    await pool.migrate(notesMigrations)
    expect(await reasons(directory)).toEqual([])

    await pool.migrate(next)

    expect(await reasons(directory)).toEqual(['migration'])
    await pool.execute('delete from notes')
    await pool.close()
    const [dump] = await listDumps(directory)
    await restoreDump({ dataDirectory: directory, dump: dump?.path ?? '' })
    const restored = directories.pool(directory)
    expect(await noteIds(restored)).toEqual(['before', 'from-the-tarball'])
    expect(await restored.migrate(next)).toMatchObject({ executed: ['0002-colour'] })
  })

  it('that cannot be made keep migrations from running', async () => {
    const directory = directories.fresh()
    const pool = directories.pool(directory)
    await pool.initialize()
    await rm(join(directory, 'dumps'), { recursive: true, force: true })
    await writeFile(join(directory, 'dumps'), 'not a folder')

    const error = await rejection(pool.migrate(next))

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('directory')
    expect(error).toMatchObject({ message: expect.stringContaining('before its migrations') })
    await rm(join(directory, 'dumps'))
    expect(await pool.migrate(next)).toMatchObject({ executed: ['0002-colour'] })
  })

  it('are made before another version of PGlite opens the directory', async () => {
    const directory = directories.fresh()
    const first = directories.pool(directory)
    await putNote(first, 'mine', 't')
    await first.close()
    await writeFile(join(directory, 'engine'), '0.0.1\n')

    const second = directories.pool(directory)
    await second.initialize()

    expect(await reasons(directory)).toEqual(['engine'])
    expect(await readFile(join(directory, 'engine'), 'utf8')).toMatch(/^\d+\.\d+\.\d+/u)
    await second.close()
    const third = directories.pool(directory)
    await third.initialize()
    expect(await reasons(directory)).toEqual(['engine'])
    await third.close()
    const [dump] = await listDumps(directory)
    const copy = directories.fresh()
    await restoreDump({ dataDirectory: copy, dump: dump?.path ?? '' })
    expect(await noteIds(directories.pool(copy))).toEqual(['from-the-tarball', 'mine'])
  })

  it('are whole or not there, and so is the database, when the process is killed while it writes and dumps', async () => {
    const directory = directories.fresh()
    await using writer = startSource('write-until-killed.ts', directory, directories.tarball, '1')
    await waitUntil('two dumps', async () => (await listDumps(directory)).length >= 2, { timeoutMs: 120_000 })
    await writer.kill()
    const acknowledged = [...writer.stdout.matchAll(/^stored (\d+)$/gmu)].map(([, id]) => id)
    const dumps = await listDumps(directory)
    const reports: RecoveryReport[] = []

    const pool = directories.pool(directory, { onRecovery: (report) => reports.push(report) })

    const stored = new Set(await noteIds(pool))
    expect(acknowledged.filter((id) => id !== undefined && !stored.has(id))).toEqual([])
    expect(reports).toEqual([])
    for (const { path } of dumps) {
      const copy = directories.fresh()
      await restoreDump({ dataDirectory: copy, dump: path })
      expect(await noteIds(directories.pool(copy))).toContain('from-the-tarball')
    }
  })

  it('are not made when nobody wants them, and half-made ones are removed', async () => {
    const directory = directories.fresh()
    const folder = join(directory, 'dumps')
    await mkdir(join(folder, 'copy-of-a-killed-process'), { recursive: true })
    await writeFile(join(folder, '2026-11-23T00-00-00.000Z-daily.tar.gz.partial'), '')
    await utimes(folder, 0, 0)
    const pool = directories.pool(directory, { dumps: false })
    await pool.initialize()

    await pool.migrate(next)

    expect(await readdir(folder)).toEqual([])
  })
})

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

const reasons = async (directory: string): Promise<readonly string[]> =>
  (await listDumps(directory)).map(({ reason }) => reason)

/** Every row of every table, and what is defined, as text: what makes two databases equal. */
const contents = async (pool: PglitePool<NotesDatabase>): Promise<unknown> =>
  await pool.systemSession('compare', async ({ kysely }) => {
    const rows = await sql`select * from notes order by id`.execute(kysely)
    const columns = await sql`
      select table_name, column_name, data_type from information_schema.columns
      where table_schema = 'public' order by 1, 2`.execute(kysely)
    const rules = await sql`select polname, pg_get_expr(polqual, polrelid) from pg_policy`.execute(kysely)
    const pages = await sql`
      select relname, pg_relation_size(oid) from pg_class where relkind in ('r', 'i') order by 1`.execute(
      kysely,
    )
    return [rows.rows, columns.rows, rules.rows, pages.rows]
  })
