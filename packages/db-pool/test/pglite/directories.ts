import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createPglitePool, type PglitePool, type PglitePoolOptions } from '../../src/pglite.ts'
import { type NotesDatabase, notesMigrations, putNote } from '../contract/notes-database.ts'

/** Data directories of embedded databases for tests, and the pools on them. */
export class Directories implements AsyncDisposable {
  readonly #root: string
  readonly #tarball: Blob
  readonly #pools: PglitePool<NotesDatabase>[] = []
  #last = 0

  private constructor(root: string, tarball: Blob) {
    this.#root = root
    this.#tarball = tarball
  }

  /** Makes a database with one note in it, `from-the-tarball`, that new directories start from. */
  static async prepare(): Promise<Directories> {
    await using pool = createPglitePool<NotesDatabase>()
    await pool.migrate(notesMigrations)
    await putNote(pool, 'from-the-tarball', 't')
    const tarball = await pool.dump()
    const root = await mkdtemp(join(tmpdir(), 'db-pool-'))
    await writeFile(join(root, 'tarball'), await tarball.bytes())
    return new Directories(root, tarball)
  }

  /** The file of the tarball that new directories start from. */
  get tarball(): string {
    return join(this.#root, 'tarball')
  }

  /** The path of a directory that is not there yet, in a folder of its own. */
  fresh(): string {
    return join(this.#root, String((this.#last += 1)), 'database')
  }

  /** A pool on a directory. It is closed by {@link closeAll} at the latest. */
  pool(dataDirectory: string, options: PglitePoolOptions = {}): PglitePool<NotesDatabase> {
    const pool = createPglitePool<NotesDatabase>({
      dataDirectory,
      initialDataDirectory: this.#tarball,
      ...options,
    })
    this.#pools.push(pool)
    return pool
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#pools.splice(0).map((pool) => pool.close()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.closeAll()
    await rm(this.#root, { recursive: true, force: true })
  }
}
