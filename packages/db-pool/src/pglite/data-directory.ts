import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import { ProcessLock } from './process-lock.ts'

/**
 * The directory of an embedded database: `cluster` is PGlite's, `lock` says which process has it, and
 * `creating` is there while a new cluster has not been opened once.
 */
export class DataDirectory {
  readonly #root: string
  readonly #lock: ProcessLock

  private constructor(root: string, lock: ProcessLock) {
    this.#root = root
    this.#lock = lock
  }

  /**
   * Makes the directory when it is missing and locks it. What an earlier process began to create and never
   * finished is removed: nobody can have been told that anything was stored in it.
   *
   * @throws {DatabaseUnavailableError} reason `directory`.
   */
  static async claim(path: string): Promise<DataDirectory> {
    const root = resolve(path)
    try {
      await mkdir(root, { recursive: true, mode: 0o700 })
      const directory = new DataDirectory(root, await ProcessLock.take(join(root, 'lock')))
      if (existsSync(directory.#marker)) {
        await rm(directory.cluster, { recursive: true, force: true })
      }
      return directory
    } catch (error) {
      if (DatabaseUnavailableError.is(error)) {
        throw error
      }
      throw unusable(root, error)
    }
  }

  get cluster(): string {
    return join(this.#root, 'cluster')
  }

  get #marker(): string {
    return join(this.#root, 'creating')
  }

  /** Whether there is no database in it yet. */
  get isNew(): boolean {
    return !existsSync(join(this.cluster, 'PG_VERSION'))
  }

  /** Runs `create`, which makes the database; if the process dies meanwhile, the next one starts afresh. */
  async create<T>(create: () => Promise<T>): Promise<T> {
    try {
      await writeFile(this.#marker, '')
      await mkdir(this.cluster, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw unusable(this.#root, error)
    }
    const created = await create()
    await rm(this.#marker)
    return created
  }

  async release(): Promise<void> {
    await this.#lock.release()
  }
}

const unusable = (root: string, cause: unknown): DatabaseUnavailableError => {
  const about = cause instanceof Error ? cause.message : String(cause)
  return new DatabaseUnavailableError('directory', `the data directory ${root} cannot be used: ${about}`, {
    cause,
  })
}
