import { PGlite, type PGliteOptions, type Results } from '@electric-sql/pglite'

import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import { INT8_OID, parseInt8 } from '../int8.ts'

/** PGlite, open. */
export class Engine {
  readonly #pglite: PGlite
  #closed = false

  private constructor(pglite: PGlite) {
    this.#pglite = pglite
  }

  /**
   * Opens a database, or creates it.
   *
   * @param directory undefined: in memory.
   * @param initial the contents of a new database, as {@link Engine.dump} gives it.
   */
  static async open(directory: string | undefined, initial: Blob | undefined): Promise<Engine> {
    const options: PGliteOptions = {
      ...(directory === undefined ? {} : { dataDir: `file://${directory}` }),
      ...(initial === undefined ? {} : { loadDataDir: initial }),
      // A statement is answered when its log record has been handed to the operating system. PGlite never
      // asks for an fsync, so this survives the end of the process, and not the end of the machine.
      relaxedDurability: false,
      // Its usual 128 MB are for large databases; they are touched bit by bit and never given back.
      startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB'],
      parsers: { [INT8_OID]: parseInt8 },
    }
    return new Engine(await PGlite.create(options))
  }

  /**
   * Runs one statement.
   *
   * @throws {DatabaseUnavailableError} reason `closed`.
   */
  async query<R>(sql: string, parameters: readonly unknown[]): Promise<Results<R>> {
    if (this.#closed) {
      throw new DatabaseUnavailableError('closed', 'the database pool was closed')
    }
    try {
      return await this.#pglite.query<R>(sql, [...parameters])
    } catch (error) {
      throw withoutParameters(error)
    }
  }

  /** @returns what ends it. */
  async listen(channel: string, handler: (payload: string) => void): Promise<() => Promise<void>> {
    return await this.#pglite.listen(`"${channel}"`, handler)
  }

  /** The whole database directory as a gzipped tarball. */
  async dump(): Promise<Blob> {
    await this.#pglite.exec('checkpoint')
    return await this.#pglite.dumpDataDir('gzip')
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#pglite.close()
  }
}

/** PGlite puts the parameters on its errors, where a log would find secrets. */
const withoutParameters = (error: unknown): unknown => {
  if (typeof error === 'object' && error !== null && 'params' in error) {
    delete error.params
  }
  return error
}
