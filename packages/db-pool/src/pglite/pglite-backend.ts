import { type Dialect, Kysely } from 'kysely'

import type { Notice } from '../database-pool.ts'
import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import type { Backend, ConnectionCounts } from '../session/backend.ts'
import { ConnectionQueue } from './connection-queue.ts'
import { DataDirectory } from './data-directory.ts'
import { Dumps } from './dumps.ts'
import { EngineKeeper } from './engine-keeper.ts'
import { EngineLostError } from './engine-lost-error.ts'
import { EngineThread } from './engine-thread.ts'
import { Listeners } from './listeners.ts'
import { openDirectory, reopenDirectory } from './open-directory.ts'
import { PgliteDialect } from './pglite-dialect.ts'
import { PgliteLease } from './pglite-lease.ts'
import type { ResolvedPgliteOptions } from './pglite-options.ts'

/** Longer than any migration of an embedded database takes. */
const MIGRATION_WAIT_MS = 60_000

/** PGlite in a thread of this process: one connection, one session at a time. */
export class PgliteBackend implements Backend {
  readonly kind = 'pglite'
  readonly dialect: Dialect
  readonly resetStatement = 'rollback'
  readonly #options: ResolvedPgliteOptions
  readonly #queue: ConnectionQueue
  readonly #keeper: EngineKeeper
  readonly #listeners = new Listeners()
  #dumps: Dumps | undefined
  #directory: DataDirectory | undefined
  #closed = false

  constructor(options: ResolvedPgliteOptions) {
    this.#options = options
    this.#queue = new ConnectionQueue(options.acquireTimeoutMs, options.maxWaiting)
    this.dialect = new PgliteDialect(() => this.#lease(options.acquireTimeoutMs, options.statementTimeoutMs))
    const { dataDirectory } = options
    this.#keeper = new EngineKeeper({
      open: () => (dataDirectory === undefined ? this.#openMemory() : this.#openDirectory(dataDirectory)),
      reopen: dataDirectory === undefined ? undefined : () => this.#reopen(),
      waitMs: options.acquireTimeoutMs,
      onError: (error) => options.onBackgroundError(error, 'embedded-database'),
    })
  }

  async open(): Promise<void> {
    await this.#keeper.engine()
  }

  unavailability(error: unknown): DatabaseUnavailableError | undefined {
    if (error instanceof EngineLostError) {
      const { message } = error
      return this.#closed
        ? closed(error)
        : new DatabaseUnavailableError('connection-lost', `the embedded database ended: ${message}`, {
            cause: error,
          })
    }
    return DatabaseUnavailableError.is(error) ? error : undefined
  }

  commitUnknown(error: unknown): boolean {
    return error instanceof EngineLostError && error.taskSent
  }

  async migrationConnection<T>(work: (kysely: Kysely<unknown>) => Promise<T>): Promise<T> {
    const kysely = new Kysely<unknown>({
      dialect: new PgliteDialect(() => this.#lease(MIGRATION_WAIT_MS, undefined)),
    })
    return await kysely.connection().execute(work)
  }

  /** Whoever calls it has the connection, so that nothing else runs. */
  async beforeMigrations(): Promise<void> {
    try {
      await this.#dumps?.beforeMigrations()
    } catch (error) {
      const about = error instanceof Error ? error.message : String(error)
      const message = `the dump of the embedded database before its migrations could not be made: ${about}`
      throw this.unavailability(error) ?? new DatabaseUnavailableError('directory', message, { cause: error })
    }
  }

  async listen(channel: string, handler: (notice: Notice) => void): Promise<AsyncDisposable> {
    await this.#keeper.engine()
    await this.#alone(async (engine) => {
      if (this.#listeners.add(channel, handler)) {
        await engine.listen(channel).catch((error: unknown) => {
          this.#listeners.remove(channel, handler)
          throw error
        })
      }
    })
    let ended = false
    return {
      [Symbol.asyncDispose]: async () => {
        if (!ended && !this.#closed) {
          ended = true
          if (this.#listeners.remove(channel, handler)) {
            await this.#alone((engine) => engine.unlisten(channel))
          }
        }
      },
    }
  }

  /** The whole database as a gzipped tarball. */
  async dump(): Promise<Blob> {
    return new Blob([await this.#alone((engine) => engine.dump())])
  }

  connections(): ConnectionCounts {
    const size = this.#keeper.isOpen ? 1 : 0
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
    this.#dumps?.stop()
    // A session that is between two statements loses the next one.
    await this.#queue.close(timeoutMs)
    await this.#keeper.close()
    await this.#directory?.release()
  }

  async #openMemory(): Promise<EngineThread> {
    const initial = await this.#initial()
    const fill = initial === undefined ? undefined : new Uint8Array(await initial.arrayBuffer())
    return await EngineThread.start(
      { directory: undefined, keepAs: undefined, fill, verify: false },
      this.#tell,
    )
  }

  async #openDirectory(path: string): Promise<EngineThread> {
    const directory = await DataDirectory.claim(path)
    try {
      const engine = await openDirectory(directory, {
        initial: () => this.#initial(),
        keepDumps: this.#options.dumps !== undefined,
        onNotice: this.#tell,
        onRecovery: this.#options.onRecovery,
      })
      this.#directory = directory
      this.#dumps = this.#beginDumps(directory)
      return engine
    } catch (error) {
      await directory.release()
      throw error
    }
  }

  async #reopen(): Promise<EngineThread> {
    const engine = await reopenDirectory(this.#opened(), this.#tell)
    for (const channel of this.#listeners.channels) {
      await engine.listen(channel)
    }
    this.#listeners.tellMissed()
    return engine
  }

  #opened(): DataDirectory {
    if (this.#directory === undefined) {
      throw new TypeError('this database is in memory')
    }
    return this.#directory
  }

  readonly #tell = (channel: string, payload: string): void => this.#listeners.tell(channel, payload)

  #initial(): Promise<Blob | undefined> {
    const { initialDataDirectory } = this.#options
    return typeof initialDataDirectory === 'function'
      ? initialDataDirectory()
      : Promise.resolve(initialDataDirectory)
  }

  #beginDumps(directory: DataDirectory): Dumps | undefined {
    const { dumps, onBackgroundError } = this.#options
    return dumps === undefined
      ? undefined
      : new Dumps({
          ...dumps,
          directory,
          engine: () => this.#keeper.engine(),
          alone: (work) => this.#alone(work, MIGRATION_WAIT_MS),
          onError: (error) => onBackgroundError(error, 'dump'),
        })
  }

  async #lease(waitMs: number, statementTimeoutMs: number | undefined): Promise<PgliteLease> {
    await this.#keeper.engine()
    const giveBack = await this.#queue.take(waitMs)
    try {
      // While it waited, the database may have been opened again.
      const engine = await this.#keeper.engine()
      return new PgliteLease(
        { query: (sql, parameters) => engine.query(sql, parameters, statementTimeoutMs) },
        giveBack,
        this.#options.idleInTransactionTimeoutMs,
      )
    } catch (error) {
      giveBack()
      throw error
    }
  }

  async #alone<T>(work: (engine: EngineThread) => Promise<T>, waitMs?: number): Promise<T> {
    await this.#keeper.engine()
    const giveBack = await this.#queue.take(waitMs)
    try {
      return await work(await this.#keeper.engine())
    } finally {
      giveBack()
    }
  }
}

const closed = (cause: unknown): DatabaseUnavailableError =>
  new DatabaseUnavailableError('closed', 'the database pool was closed', { cause })
