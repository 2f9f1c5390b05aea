import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

import { sql, type Transaction } from 'kysely'

import type {
  DatabasePool,
  DatabasePoolStats,
  InitializeOptions,
  MigrateOptions,
  Migration,
  MigrationReport,
  Notice,
  SystemSession,
  TenantSession,
} from '../database-pool.ts'
import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import { MigrationError } from '../errors/migration-error.ts'
import { SessionError } from '../errors/session-error.ts'
import { runMigrations } from '../migration/run-migrations.ts'
import type { ResolvedPoolOptions } from '../pool-options.ts'
import type { Backend } from './backend.ts'
import { backoffMs } from './backoff.ts'
import { sessionOutcome, type SessionStage } from './session-failure.ts'

/** How far one attempt got. */
interface Progress {
  stage: SessionStage
  failure: { readonly error: unknown } | undefined
  readonly marker: { open: boolean }
}

/** The pool that both kinds of database share: sessions, retries, doors, life. */
export class SessionPool<Schema> implements DatabasePool<Schema> {
  readonly kind: 'postgres' | 'pglite'
  readonly #backend: Backend<Schema>
  readonly #options: ResolvedPoolOptions
  /** The session that the running code is in; it may outlive the session, so the flag says whether that is still open. */
  readonly #current = new AsyncLocalStorage<{ open: boolean }>()
  #closing: Promise<void> | undefined
  #active = 0
  #committed = 0
  #failed = 0
  #retried = 0

  constructor(backend: Backend<Schema>, options: ResolvedPoolOptions) {
    this.kind = backend.kind
    this.#backend = backend
    this.#options = options
  }

  async initialize({ signal, timeoutMs = 30_000 }: InitializeOptions = {}): Promise<void> {
    const deadline = performance.now() + timeoutMs
    for (let attempt = 0; ; attempt += 1) {
      this.#refuseWhenClosed()
      signal?.throwIfAborted()
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other is the point
        await this.#backend.open()
        return
      } catch (error) {
        const unavailable = this.#backend.unavailability(error)
        const pauseMs = 50 + backoffMs(attempt, 100, 2_000)
        const hopeless = unavailable?.reason === 'rejected' || unavailable?.reason === 'directory'
        if (unavailable === undefined || hopeless || performance.now() + pauseMs > deadline) {
          throw unavailable ?? error
        }
        // oxlint-disable-next-line no-await-in-loop
        await sleep(pauseMs, undefined, signal === undefined ? {} : { signal })
      }
    }
  }

  systemSession<T>(reason: string, work: (session: SystemSession<Schema>) => Promise<T>): Promise<T> {
    return this.#session(undefined, (kysely) => work({ kysely, reason }))
  }

  tenantSession<T>(tenantId: string, work: (session: TenantSession<Schema>) => Promise<T>): Promise<T> {
    if (tenantId === '') {
      return Promise.reject(new RangeError('tenantId must not be empty'))
    }
    return this.#session(tenantId, (kysely) => work({ kysely, tenantId }))
  }

  async migrate(
    migrations: Readonly<Record<string, Migration>>,
    options: MigrateOptions = {},
  ): Promise<MigrationReport> {
    this.#refuseWhenClosed()
    try {
      return await this.#backend.migrationConnection((kysely) => runMigrations(kysely, migrations, options))
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
        this.#current.run({ open: false }, handler, notice)
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
    return {
      ...this.#backend.connections(),
      active: this.#active,
      committed: this.#committed,
      failed: this.#failed,
      retried: this.#retried,
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#backend.close(this.#options.closeTimeoutMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #session<T>(
    tenantId: string | undefined,
    work: (kysely: Transaction<Schema>) => Promise<T>,
  ): Promise<T> {
    this.#refuseWhenClosed()
    if (this.#current.getStore()?.open === true) {
      const message =
        'a session was asked for inside another session of this pool: pass on the one that is open'
      throw new SessionError('nested', message)
    }
    this.#active += 1
    try {
      const result = await this.#attempts(tenantId, work)
      this.#committed += 1
      return result
    } catch (error) {
      this.#failed += 1
      throw error
    } finally {
      this.#active -= 1
    }
  }

  async #attempts<T>(
    tenantId: string | undefined,
    work: (kysely: Transaction<Schema>) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const progress: Progress = { stage: 'begin', failure: undefined, marker: { open: true } }
      try {
        // oxlint-disable-next-line no-await-in-loop -- an attempt starts when the one before it has failed
        return await this.#backend.kysely
          .transaction()
          .execute((kysely) => this.#work(kysely, tenantId, work, progress))
      } catch (caught) {
        // A rollback that fails must not hide what was rolled back for.
        const error = progress.failure === undefined ? caught : progress.failure.error
        const outcome = sessionOutcome({
          stage: progress.stage,
          error,
          unavailable: this.#backend.unavailability(error),
          commitUnknown: progress.stage === 'commit' && this.#backend.commitUnknown(error),
          tenantRole: this.#options.tenantRole,
        })
        if (!outcome.retry || attempt >= this.#options.maxAttempts || this.#closing !== undefined) {
          throw outcome.error
        }
      }
      this.#retried += 1
      // oxlint-disable-next-line no-await-in-loop
      await sleep(backoffMs(attempt, 5, 200))
    }
  }

  async #work<T>(
    kysely: Transaction<Schema>,
    tenantId: string | undefined,
    work: (kysely: Transaction<Schema>) => Promise<T>,
    progress: Progress,
  ): Promise<T> {
    try {
      progress.stage = 'door'
      if (tenantId !== undefined) {
        await this.#enterTenant(kysely, tenantId)
      }
      progress.stage = 'work'
      const result = await this.#current.run(progress.marker, () => work(kysely))
      progress.stage = 'commit'
      return result
    } catch (error) {
      progress.failure = { error }
      throw error
    } finally {
      progress.marker.open = false
    }
  }

  /** Both settings end with the transaction, whichever way it ends. */
  async #enterTenant(kysely: Transaction<Schema>, tenantId: string): Promise<void> {
    const { tenantRole, tenantSetting } = this.#options
    await sql`select set_config(${tenantSetting}, ${tenantId}, true), set_config('role', ${tenantRole}, true)`.execute(
      kysely,
    )
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined) {
      throw new DatabaseUnavailableError('closed', 'the database pool was closed')
    }
  }
}
