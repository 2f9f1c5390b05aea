import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type ManagedProcess, waitUntil } from '@mreg/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { DatabaseUnavailableError } from '../src/index.ts'
import { createPglitePool, type PglitePool } from '../src/pglite.ts'
import {
  noteIds,
  type NotesDatabase,
  notesMigrations,
  putNote,
  rejection,
} from './contract/notes-database.ts'
import { startSource } from './processes/source-process.ts'

describe('the data directory of an embedded database', { timeout: 300_000 }, () => {
  /** A database with one note in it, so that not every test has to make one. */
  let tarball: Blob | undefined
  let root = ''
  const opened: PglitePool<NotesDatabase>[] = []
  const started: ManagedProcess[] = []

  const open = (dataDirectory: string, initialDataDirectory = tarball): PglitePool<NotesDatabase> => {
    const pool = createPglitePool<NotesDatabase>({ dataDirectory, initialDataDirectory })
    opened.push(pool)
    return pool
  }
  const startWriter = (dataDirectory: string): ManagedProcess => {
    const writer = startSource('write-until-killed.ts', dataDirectory, join(root, 'tarball'))
    started.push(writer)
    return writer
  }
  const makeDirectory = (): Promise<string> => mkdtemp(join(root, 'data-'))

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'db-pool-'))
    await using pool = createPglitePool<NotesDatabase>()
    await pool.initialize()
    await pool.migrate(notesMigrations)
    await putNote(pool, 'from-the-tarball', 't')
    tarball = await pool.dump()
    await writeFile(join(root, 'tarball'), await tarball.bytes())
  }, 300_000)

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((pool) => pool.close()))
    await Promise.all(started.splice(0).map((child) => child.kill()))
  })

  afterAll(() => rm(root, { recursive: true, force: true }))

  it('is made when it is missing, for its owner only, and keeps what was stored', async () => {
    const directory = join(await makeDirectory(), 'a', 'b')
    const first = open(directory)
    await first.initialize()
    await putNote(first, 'mine', 't')
    await first.close()

    expect((await stat(directory)).mode & 0o077).toBe(0)
    expect(await noteIds(open(directory))).toEqual(['from-the-tarball', 'mine'])
  })

  it('starts from the tarball when it is new, and does not ask for the tarball again', async () => {
    const directory = await makeDirectory()
    let asked = 0
    const make = (): PglitePool<NotesDatabase> => {
      const pool = createPglitePool<NotesDatabase>({
        dataDirectory: directory,
        initialDataDirectory: () => {
          asked += 1
          return Promise.resolve(tarball ?? new Blob([]))
        },
      })
      opened.push(pool)
      return pool
    }
    const first = make()

    expect(await noteIds(first)).toEqual(['from-the-tarball'])
    await first.close()
    expect(await noteIds(make())).toEqual(['from-the-tarball'])
    expect(asked).toBe(1)
  })

  it('starts from the tarball in memory too', async () => {
    await using pool = createPglitePool<NotesDatabase>({ initialDataDirectory: tarball })

    expect(await noteIds(pool)).toEqual(['from-the-tarball'])
  })

  it('is begun afresh after a tarball that cannot be used', async () => {
    const directory = await makeDirectory()
    const error = await rejection(open(directory, new Blob(['no tarball'])).initialize())

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('directory')
    expect(await noteIds(open(directory))).toEqual(['from-the-tarball'])
  })

  it('has every acknowledged write after kill -9', async () => {
    const directory = await makeDirectory()
    const writer = startWriter(directory)
    await waitUntil('writes', () => writer.stdout.includes('stored 50\n'), { timeoutMs: 120_000 })
    await writer.kill()
    const acknowledged = [...writer.stdout.matchAll(/^stored (\d+)$/gmu)].map(([, id]) => id)

    const stored = new Set(await noteIds(open(directory)))

    expect(acknowledged.length).toBeGreaterThan(50)
    expect(acknowledged.filter((id) => id !== undefined && !stored.has(id))).toEqual([])
  })

  it('is begun afresh when the process was killed while it was being made', async () => {
    const directory = await makeDirectory()
    const writer = startWriter(directory)
    await waitUntil('the beginning', () => existsSync(join(directory, 'creating')), { timeoutMs: 120_000 })
    await writer.kill()
    // What a half-made cluster looks like, whenever the kill came.
    await mkdir(join(directory, 'cluster'), { recursive: true })
    await writeFile(join(directory, 'cluster', 'PG_VERSION'), '18\n')

    expect(writer.stdout).not.toContain('open\n')
    expect(await noteIds(open(directory))).toEqual(['from-the-tarball'])
  })

  it('is refused to a second pool of the same process, until the first is closed', async () => {
    const directory = await makeDirectory()
    const first = open(directory)
    await first.initialize()

    const error = await rejection(open(directory).initialize())

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('directory')
    expect(error).toMatchObject({ message: expect.stringContaining(String(process.pid)) })
    await first.close()
    expect(await noteIds(open(directory))).toEqual(['from-the-tarball'])
  })

  it('is refused to a second process, and free again once that was killed', async () => {
    const directory = await makeDirectory()
    const writer = startWriter(directory)
    await waitUntil('the writer', () => writer.stdout.includes('stored 0\n'), { timeoutMs: 120_000 })

    const error = await rejection(open(directory).initialize())

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('directory')
    expect(error).toMatchObject({ message: expect.stringContaining(String(writer.pid)) })
    await writer.kill()
    expect(await noteIds(open(directory))).toContain('0')
  })

  it('is free when its lock names a process id that has been used again', async () => {
    const directory = await makeDirectory()
    await writeFile(join(directory, 'lock'), `${process.ppid} another-boot:1\n`)

    expect(await noteIds(open(directory))).toEqual(['from-the-tarball'])
    expect(await readFile(join(directory, 'lock'), 'utf8')).toMatch(new RegExp(`^${process.pid} `, 'u'))
  })

  it('says which directory it is when a file is in its place', async () => {
    const file = join(await makeDirectory(), 'file')
    await writeFile(file, '')

    const error = await rejection(open(file).initialize({ timeoutMs: 120_000 }))

    expect(DatabaseUnavailableError.is(error) && error.reason).toBe('directory')
    expect(error).toMatchObject({ message: expect.stringContaining(file) })
  })
})
