import { type Dialect, Kysely } from 'kysely'

import type { Notice } from '../database-pool.ts'
import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import type { Backend, ConnectionCounts } from '../session/backend.ts'
import { ConnectionQueue } from './connection-queue.ts'
import { DataDirectory } from './data-directory.ts'
import { PgliteDialect } from './pglite-dialect.ts'
import { Engine } from './pglite-engine.ts'
import { PgliteLease } from './pglite-lease.ts'
import type { ResolvedPgliteOptions } from './pglite-options.ts'
import { extractTarball } from './tarball.ts'

/** Longer than any migration of an embedded database takes. */
const MIGRATION_WAIT_MS = 60_000

/** PGlite in this process: one connection, one session at a time. */
export class PgliteBackend implements Backend {
  readonly kind = 'pglite'
  readonly dialect: Dialect
  readonly resetStatement = 'rollback'
  readonly #options: ResolvedPgliteOptions
  readonly #queue: ConnectionQueue
  #directory: DataDirectory | undefined
  #engine: Promise<Engine> | undefined
  #closed = false

  constructor(options: ResolvedPgliteOptions) {
    this.#options = options
    this.#queue = new ConnectionQueue(options.acquireTimeoutMs, options.maxWaiting)
    this.dialect = new PgliteDialect(() => this.#lease())
  }

  async open(): Promise<void> {
    await this.#opened()
  }

  unavailability(error: unknown): DatabaseUnavailableError | undefined {
    return DatabaseUnavailableError.is(error) ? error : undefined
  }

  commitUnknown(): boolean {
    return false
  }

  async migrationConnection<T>(work: (kysely: Kysely<unknown>) => Promise<T>): Promise<T> {
    const kysely = new Kysely<unknown>({ dialect: new PgliteDialect(() => this.#lease(MIGRATION_WAIT_MS)) })
    return await kysely.connection().execute(work)
  }

  async listen(channel: string, handler: (notice: Notice) => void): Promise<AsyncDisposable> {
    const engine = await this.#opened()
    const tell = (payload: string): void => {
      handler({ payload: payload === '' ? undefined : payload, missed: false })
    }
    const end = await this.#alone(() => engine.listen(channel, tell))
    let ended = false
    return {
      [Symbol.asyncDispose]: async () => {
        if (!ended && !this.#closed) {
          ended = true
          await this.#alone(end)
        }
      },
    }
  }

  /** The whole database as a gzipped tarball. */
  async dump(): Promise<Blob> {
    const engine = await this.#opened()
    return await this.#alone(() => engine.dump())
  }

  connections(): ConnectionCounts {
    const size = this.#engine === undefined ? 0 : 1
    return {
      size,
      available: this.#queue.taken ? 0 : size,
      waiting: this.#queue.waiting,
      limit: 1,
      discarded: 0,
    }
  }

  async close(timeoutMs: number): Promise<void> {
    this.#closed = true
    const engine = await this.#engine?.catch(() => undefined)
    if (engine !== undefined) {
      // PGlite itself waits for the statement that is running; a session that is between two loses the next one.
      await this.#queue.close(timeoutMs)
      await engine.close()
    }
    await this.#directory?.release()
  }

  #opened(): Promise<Engine> {
    if (this.#closed) {
      return Promise.reject(new DatabaseUnavailableError('closed', 'the database pool was closed'))
    }
    this.#engine ??= this.#openEngine().catch((error: unknown) => {
      this.#engine = undefined
      throw error
    })
    return this.#engine
  }

  async #openEngine(): Promise<Engine> {
    const { dataDirectory } = this.#options
    if (dataDirectory === undefined) {
      return await Engine.open(undefined, await this.#initial())
    }
    const directory = await DataDirectory.claim(dataDirectory)
    try {
      const engine = directory.isNew
        ? await directory.create(async () => {
            const initial = await this.#initial()
            await (initial === undefined ? undefined : extractTarball(initial, directory.cluster))
            return await Engine.open(directory.cluster, undefined)
          })
        : await Engine.open(directory.cluster, undefined)
      this.#directory = directory
      return engine
    } catch (error) {
      await directory.release()
      if (DatabaseUnavailableError.is(error)) {
        throw error
      }
      const about = error instanceof Error ? error.message : String(error)
      const message = `the embedded database in ${dataDirectory} cannot be opened: ${about}. Move the directory aside to start with an empty one`
      throw new DatabaseUnavailableError('directory', message, { cause: error })
    }
  }

  #initial(): Promise<Blob | undefined> {
    const { initialDataDirectory } = this.#options
    return typeof initialDataDirectory === 'function'
      ? initialDataDirectory()
      : Promise.resolve(initialDataDirectory)
  }

  async #lease(timeoutMs?: number): Promise<PgliteLease> {
    const engine = await this.#opened()
    const giveBack = await this.#queue.take(timeoutMs)
    return new PgliteLease(engine, giveBack, this.#options.idleInTransactionTimeoutMs)
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const giveBack = await this.#queue.take()
    try {
      return await work()
    } finally {
      giveBack()
    }
  }
}
