import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/**
 * The right to start a gateway for a data directory. One process has it at a time, and loses it however it ends: it is
 * SQLite's lock on a file in which nothing is stored.
 */
export class StartLock implements Disposable {
  readonly #database: DatabaseSync

  private constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** undefined: another process has it. */
  static take(dataDirectory: string): StartLock | undefined {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 })
    const database = new DatabaseSync(join(dataDirectory, 'start.lock'))
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
      return new StartLock(database)
    } catch (error) {
      database.close()
      if (error instanceof Error && /locked|busy/iu.test(error.message)) return undefined
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#database.close()
  }
}
