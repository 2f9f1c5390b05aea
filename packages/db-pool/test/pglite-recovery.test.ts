import { existsSync } from 'node:fs'
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { DatabaseUnavailableError } from '../src/index.ts'
import { listDumps, type RecoveryReport, restoreDump } from '../src/pglite.ts'
import { noteIds, putNote, rejection } from './contract/notes-database.ts'
import { Directories } from './pglite/directories.ts'

/** A dump that somebody made on this day. */
const DUMP = '2026-11-22T10-00-00.000Z-daily.tar.gz'

describe('an embedded database that cannot be read', { timeout: 300_000 }, () => {
  let directories: Directories
  const reports: RecoveryReport[] = []
  const onRecovery = (report: RecoveryReport): void => void reports.push(report)

  /** A closed database with a note, `mine`, that is in no dump, and where in it the notes are. */
  let original = ''
  let notesPath = ''

  beforeAll(async () => {
    directories = await Directories.prepare()
    original = directories.fresh()
    const pool = directories.pool(original)
    await putNote(pool, 'mine', 't')
    const row = await pool.fetchRow<{ path: string }>("select pg_relation_filepath('notes') as path")
    notesPath = row?.path ?? ''
    await pool.close()
  }, 300_000)

  afterEach(async () => {
    await directories.closeAll()
    reports.length = 0
  })

  afterAll(() => directories[Symbol.asyncDispose]())

  const make = async (): Promise<{ directory: string; cluster: string; notes: string }> => {
    const directory = directories.fresh()
    await cp(original, directory, { recursive: true })
    const cluster = join(directory, 'cluster')
    return { directory, cluster, notes: join(cluster, notesPath) }
  }
  const addDump = async (directory: string, name = DUMP, from = directories.tarball): Promise<string> => {
    await mkdir(join(directory, 'dumps'), { recursive: true })
    await copyFile(from, join(directory, 'dumps', name))
    return join(directory, 'dumps', name)
  }

  it.each<[string, RegExp, (cluster: string, notes: string) => Promise<void>]>([
    ['pg_control is cut off', /pg_control/u, (cluster) => truncate(join(cluster, 'global/pg_control'), 100)],
    ['pg_control is gone', /pg_control/u, (cluster) => rm(join(cluster, 'global/pg_control'))],
    ['PG_VERSION is missing', /PG_VERSION is missing/u, (cluster) => rm(join(cluster, 'PG_VERSION'))],
    ['PG_VERSION is nonsense', /valid data/u, (cluster) => writeFile(join(cluster, 'PG_VERSION'), 'x')],
    ['its log is gone', /checkpoint/u, (cluster) => emptyFolder(join(cluster, 'pg_wal'))],
    [
      'a table is full of garbage',
      /page 0 .*damaged/u,
      (_, notes) => writeFile(notes, Buffer.alloc(8192, 0xab)),
    ],
    ['one bit of a table is wrong', /page 0 .*damaged/u, (_, notes) => flipBit(notes, 8_000)],
    ['a table is gone', /missing/u, (_, notes) => rm(notes)],
    ['all of base is garbage', /./u, (cluster) => spoilFiles(join(cluster, 'base'))],
    [
      'a file is in its place',
      /./u,
      async (cluster) => {
        await rm(cluster, { recursive: true })
        await mkdir(cluster)
        await writeFile(join(cluster, 'something'), 'else')
      },
    ],
  ])('is moved aside and its last dump restored: %s', async (_, reason, damage) => {
    const { cluster, directory, notes } = await make()
    const dump = await addDump(directory)
    await damage(cluster, notes)

    const pool = directories.pool(directory, { onRecovery })

    expect(await noteIds(pool)).toEqual(['from-the-tarball'])
    expect(reports).toEqual([
      {
        reason: expect.stringMatching(reason),
        movedTo: expect.stringMatching(/database\.unreadable-2\d{3}-\d\d-\d\dT/u),
        restoredFrom: dump,
        restoredAsOf: new Date('2026-11-22T10:00:00.000Z'),
        unusableDumps: [],
      },
    ])
    expect(await readdir(reports[0]?.movedTo ?? '')).not.toEqual([])
  })

  it('keeps what is stored after it was restored', async () => {
    const { cluster, directory } = await make()
    await addDump(directory)
    await rm(join(cluster, 'global/pg_control'))
    const pool = directories.pool(directory, { onRecovery })
    await putNote(pool, 'later', 't')
    await pool.close()

    expect(await noteIds(directories.pool(directory, { onRecovery }))).toEqual(['from-the-tarball', 'later'])
    expect(reports).toHaveLength(1)
  })

  it('is moved aside for an empty one when there is no dump', async () => {
    const { cluster, directory } = await make()
    await truncate(join(cluster, 'global/pg_control'), 0)

    const pool = directories.pool(directory, { onRecovery, initialDataDirectory: undefined })

    const { rows } = await pool.systemSession('look', ({ kysely }) =>
      sql<{ found: boolean }>`select to_regclass('notes') is not null as found`.execute(kysely),
    )
    expect(rows).toEqual([{ found: false }])
    expect(reports).toEqual([expect.objectContaining({ restoredFrom: undefined, unusableDumps: [] })])
    expect(existsSync(reports[0]?.movedTo ?? '')).toBe(true)
  })

  it('is restored from an older dump when the newest cannot be used', async () => {
    const { cluster, directory } = await make()
    const older = await addDump(directory)
    const cutOff = await addDump(directory, '2026-11-23T10-00-00.000Z-daily.tar.gz')
    await truncate(cutOff, 100_000)
    const nonsense = await addDump(directory, '2026-11-24T10-00-00.000Z-migration.tar.gz')
    await writeFile(nonsense, 'no tarball')
    await rm(join(cluster, 'global/pg_control'))

    const pool = directories.pool(directory, { onRecovery })

    expect(await noteIds(pool)).toEqual(['from-the-tarball'])
    expect(reports).toEqual([
      expect.objectContaining({ restoredFrom: older, unusableDumps: [nonsense, cutOff] }),
    ])
  })

  it('is restored when it is gone and its dumps are there', async () => {
    const { cluster, directory } = await make()
    const dump = await addDump(directory)
    await rm(cluster, { recursive: true })

    expect(await noteIds(directories.pool(directory, { onRecovery }))).toEqual(['from-the-tarball'])
    expect(reports).toEqual([
      expect.objectContaining({ movedTo: undefined, reason: 'its files are gone', restoredFrom: dump }),
    ])
  })

  it('of another version of PostgreSQL is left where it is', async () => {
    const { cluster, directory } = await make()
    await addDump(directory)
    await writeFile(join(cluster, 'PG_VERSION'), '17\n')

    const error = await rejection(directories.pool(directory, { onRecovery }).initialize())

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('directory')
    expect(error).toMatchObject({ message: expect.stringContaining('PostgreSQL version 17') })
    expect(reports).toEqual([])
    await writeFile(join(cluster, 'PG_VERSION'), '18\n')
    expect(await noteIds(directories.pool(directory))).toEqual(['from-the-tarball', 'mine'])
  })

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'because its files may not be read is left where it is',
    async () => {
      const { cluster, directory } = await make()
      await addDump(directory)
      await chmod(join(cluster, 'global', 'pg_control'), 0)

      const error = await rejection(directories.pool(directory, { onRecovery }).initialize())

      expect(DatabaseUnavailableError.is(error) && error.reason).toBe('directory')
      expect(reports).toEqual([])
      await chmod(join(cluster, 'global', 'pg_control'), 0o600)
      expect(await noteIds(directories.pool(directory))).toEqual(['from-the-tarball', 'mine'])
    },
  )

  it('can be given the dump that somebody chose, and what was there is kept', async () => {
    const { directory } = await make()
    const dump = await addDump(directory)

    const movedTo = await restoreDump({ dataDirectory: directory, dump })

    expect((await listDumps(directory)).map(({ path }) => path)).toEqual([dump])
    const pool = directories.pool(directory, { onRecovery })
    expect(await noteIds(pool)).toEqual(['from-the-tarball'])
    await pool.close()
    expect(reports).toEqual([])
    // What was there is a whole database still.
    const kept = directories.fresh()
    await mkdir(dirname(join(kept, 'cluster')), { recursive: true })
    await rename(movedTo ?? '', join(kept, 'cluster'))
    expect(await noteIds(directories.pool(kept, { onRecovery }))).toEqual(['from-the-tarball', 'mine'])
    expect(reports).toEqual([])
  })

  it('is untouched by a dump that cannot be unpacked, and by one for a database that is open', async () => {
    const { directory } = await make()
    const dump = await addDump(directory)
    await writeFile(join(directory, 'nonsense'), 'no tarball')

    const error = await rejection(
      restoreDump({ dataDirectory: directory, dump: join(directory, 'nonsense') }),
    )

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('directory')
    const pool = directories.pool(directory)
    expect(await noteIds(pool)).toEqual(['from-the-tarball', 'mine'])
    const refused = await rejection(restoreDump({ dataDirectory: directory, dump }))
    expect(refused).toMatchObject({ message: expect.stringContaining('in use') })
  })
})

const emptyFolder = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true })
}

const spoilFiles = async (folder: string): Promise<void> => {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await writeFile(join(entry.parentPath, entry.name), Buffer.alloc(8192, 0xab))
  }
}

const flipBit = async (file: string, offset: number): Promise<void> => {
  const bytes = await readFile(file)
  bytes[offset] = (bytes[offset] ?? 0) ^ 1
  await writeFile(file, bytes)
}
