import { setTimeout as sleep } from 'node:timers/promises'

import { type CompiledQuery, Kysely, type QueryResult, type Transaction } from 'kysely'

import type {
  AcquiredConnection,
  DatabasePoolStats,
  DirectDatabasePool,
  InitializeOptions,
  MigrateOptions,
  Migration,
  MigrationReport,
  Notice,
  SessionOptions,
  SystemSession,
  TenantSession,
} from '../database-pool.ts'
import { Acquired } from '../direct/acquired-connection.ts'
import { DirectDialect, type DirectDoor, toldAndExplained } from '../direct/direct-dialect.ts'
import { Statements } from '../direct/direct-statements.ts'
import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import { MigrationError } from '../errors/migration-error.ts'
import { runMigrations } from '../migration/run-migrations.ts'
import type { ResolvedPoolOptions } from '../pool-options.ts'
import type { Backend } from './backend.ts'
import { backoffMs } from './backoff.ts'
import { statementFailure } from './session-failure.ts'
import type { SessionLevel } from './session-level.ts'
import { SessionRunner } from './session-runner.ts'

/** The pool that both kinds of database share. */
export class SessionPool<Schema> extends Statements implements DirectDatabasePool<Schema> {
  readonly kind: 'postgres' | 'pglite'
  readonly kysely: Kysely<Schema>
  readonly #backend: Backend
  readonly #options: ResolvedPoolOptions
  readonly #sessions: SessionRunner<Schema>
  readonly #door: DirectDoor
  readonly #direct: DirectDialect
  #closing: Promise<void> | undefined

  constructor(backend: Backend, options: ResolvedPoolOptions) {
    super((query) => this.#runStatement(query))
    this.kind = backend.kind
    this.#backend = backend
    this.#options = options
    this.#sessions = new SessionRunner(backend, options)
    this.#door = this.#directDoor()
    this.#direct = new DirectDialect(this.#door)
    this.kysely = new Kysely<Schema>({ dialect: this.#direct })
  }

  get size(): number {
    return this.#backend.connections().size
  }

  get available(): number {
    return this.#backend.connections().available
  }

  get waiting(): number {
    return this.#backend.connections().waiting
  }

  async initialize({ signal, timeoutMs = 30_000 }: InitializeOptions = {}): Promise<void> {
    const deadline = performance.now() + timeoutMs
    for (let attempt = 0; ; attempt += 1) {
      this.#refuseWhenClosed()
      signal?.throwIfAborted()
      try {
        await this.#backend.open()
        return
      } catch (error) {
        const unavailable = this.#backend.unavailability(error)
        const pauseMs = 50 + backoffMs(attempt, 100, 2_000)
        const hopeless = unavailable?.reason === 'rejected' || unavailable?.reason === 'directory'
        if (unavailable === undefined || hopeless || performance.now() + pauseMs > deadline) {
          throw unavailable ?? error
        }
        await sleep(pauseMs, undefined, signal === undefined ? {} : { signal })
      }
    }
  }

  async systemSession<T>(
    reason: string,
    work: (session: SystemSession<Schema>) => Promise<T>,
    options: SessionOptions = {},
  ): Promise<T> {
    this.#refuseWhenClosed()
    return await this.#sessions.run({
      tenantId: undefined,
      options,
      work: (kysely, level) => work(systemSession(kysely, reason, level)),
    })
  }

  async tenantSession<T>(
    tenantId: string,
    work: (session: TenantSession<Schema>) => Promise<T>,
    options: SessionOptions = {},
  ): Promise<T> {
    this.#refuseWhenClosed()
    if (tenantId === '') {
      throw new RangeError('tenantId must not be empty')
    }
    return await this.#sessions.run({
      tenantId,
      options,
      work: (kysely, level) => work(tenantSession(kysely, tenantId, level)),
    })
  }

  async acquire(): Promise<AcquiredConnection> {
    const { driver } = this.#direct
    return new Acquired(driver, await driver.acquireConnection(), this.#backend.resetStatement)
  }

  async migrate(
    migrations: Readonly<Record<string, Migration>>,
    options: MigrateOptions = {},
  ): Promise<MigrationReport> {
    this.#refuseWhenClosed()
    try {
      return await this.#backend.migrationConnection((kysely) =>
        runMigrations(kysely, migrations, options, async () => this.#backend.beforeMigrations?.()),
      )
    } catch (error) {
      const cause = MigrationError.is(error) ? error.cause : error
      throw this.#backend.unavailability(cause) ?? error
    }
  }

  async listen(channel: string, handler: (notice: Notice) => void): Promise<AsyncDisposable> {
    this.#refuseWhenClosed()
    if (!/^[a-z_][a-z0-9_]{0,62}$/u.test(channel)) {
      throw new RangeError(
        `channel must be a lower-case identifier of at most 63 characters, not "${channel}"`,
      )
    }
    const isolated = (notice: Notice): void => {
      try {
        // PGlite tells it from within whichever session is running; the handler is in none.
        this.#sessions.outside(handler, notice)
      } catch (error) {
        this.#options.onBackgroundError(error, 'listen-handler')
      }
    }
    try {
      return await this.#backend.listen(channel, isolated)
    } catch (error) {
      throw this.#backend.unavailability(error) ?? error
    }
  }

  stats(): DatabasePoolStats {
    return { ...this.#backend.connections(), ...this.#sessions.counts }
  }

  close(): Promise<void> {
    this.#sessions.stop()
    this.#closing ??= this.#backend.close(this.#options.closeTimeoutMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #runStatement<R>(query: CompiledQuery<R>): Promise<QueryResult<R>> {
    const backend = this.#backend
    const run = backend.runStatement?.bind(backend)
    if (run === undefined) {
      return await this.kysely.executeQuery(query)
    }
    this.#door.admit()
    return await toldAndExplained(this.#door, query.sql, () => run(query))
  }

  #directDoor(): DirectDoor {
    const backend = this.#backend
    return {
      dialect: backend.dialect,
      onQuery: this.#options.onQuery,
      admit: () => {
        this.#refuseWhenClosed()
        this.#sessions.refuseInside('a statement of the pool was run', "run it on the session's kysely")
      },
      explain: (error) =>
        statementFailure({
          error,
          unavailable: backend.unavailability(error),
          commitUnknown: backend.commitUnknown(error),
        }),
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined) {
      throw new DatabaseUnavailableError('closed', 'the database pool was closed')
    }
  }
}

const systemSession = <Schema>(
  kysely: Transaction<Schema>,
  reason: string,
  level: SessionLevel,
): SystemSession<Schema> => ({
  kysely,
  reason,
  nested: (work) => level.nest((inner) => work(systemSession(kysely, reason, inner))),
})

const tenantSession = <Schema>(
  kysely: Transaction<Schema>,
  tenantId: string,
  level: SessionLevel,
): TenantSession<Schema> => ({
  kysely,
  tenantId,
  nested: (work) => level.nest((inner) => work(tenantSession(kysely, tenantId, inner))),
})
