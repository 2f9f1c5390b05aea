import { accessSync, constants, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { ConfigurationError } from '@mreg/core'

/** What the endpoint file says, for whoever looks for a running gateway. */
export interface RunningGateway {
  readonly url: string
  readonly pid: number
}

/**
 * The directory in which one gateway keeps its things: the embedded database, its keys, and the file by
 * which the command line finds it. It belongs to one process at a time.
 */
export class DataDirectory implements Disposable {
  readonly path: string
  readonly #lock: DatabaseSync
  #announced = false
  #released = false

  private constructor(path: string, lock: DatabaseSync) {
    this.path = path
    this.#lock = lock
  }

  /**
   * Creates the directory if need be and takes it into possession.
   *
   * @throws {ConfigurationError} `data_directory_unwritable` or `data_directory_in_use`.
   */
  static claim(path: string): DataDirectory {
    try {
      makeDirectory(path)
      accessSync(join(path, '.'), constants.W_OK | constants.X_OK)
    } catch (error) {
      throw new ConfigurationError(
        'data_directory_unwritable',
        `MREG_DATA_DIR: cannot write to ${path} (${codeOf(error)}); choose another directory or change its permissions`,
        { cause: error },
      )
    }
    return new DataDirectory(path, lock(path))
  }

  /** The directory of the embedded database. */
  get databaseDirectory(): string {
    return join(this.path, 'database')
  }

  /** Where it is kept what the gateway serves while its database is away. */
  get snapshotDirectory(): string {
    return join(this.path, 'snapshot')
  }

  /** Where audit events wait while the database is away. */
  get auditDirectory(): string {
    return join(this.path, 'audit')
  }

  /** Writes down where this gateway listens. */
  announce(running: RunningGateway): void {
    writeFileSync(this.#endpointFile, `${JSON.stringify(running)}\n`, { mode: 0o600 })
    this.#announced = true
  }

  /** Gives the directory back. Twice is harmless. */
  [Symbol.dispose](): void {
    if (this.#released) return
    this.#released = true
    if (this.#announced) rmSync(this.#endpointFile, { force: true })
    this.#lock.close()
  }

  get #endpointFile(): string {
    return join(this.path, 'endpoint.json')
  }
}

/** Makes a directory and those above it. Not `recursive`: that never ends where the system lets nobody make one (/proc). */
const makeDirectory = (path: string): void => {
  if (!existsSync(path)) {
    makeDirectory(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}

/**
 * An exclusive lock that the operating system takes back however the process ends: SQLite's lock on a
 * file of its own, in which nothing is ever stored. A file with a process id would outlive `kill -9`.
 */
const lock = (path: string): DatabaseSync => {
  const file = join(path, 'gateway.lock')
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(file)
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    if (error instanceof Error && /locked|busy/iu.test(error.message)) {
      throw new ConfigurationError(
        'data_directory_in_use',
        `MREG_DATA_DIR: ${path} is in use by another gateway; stop that one, or give this one a directory of its own`,
        { cause: error },
      )
    }
    throw new ConfigurationError(
      'data_directory_unwritable',
      `MREG_DATA_DIR: cannot lock ${file} (${codeOf(error)})`,
      { cause: error },
    )
  }
}

const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
