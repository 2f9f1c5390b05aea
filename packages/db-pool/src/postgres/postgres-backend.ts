import { setTimeout as sleep } from 'node:timers/promises'

import { Kysely, PostgresDialect, sql } from 'kysely'
import type { PoolConfig } from 'pg'

import type { Notice } from '../database-pool.ts'
import type { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import type { Backend, ConnectionCounts } from '../session/backend.ts'
import { queryLog } from '../session/query-log.ts'
import { ConnectionFailure } from './connection-failure.ts'
import { describeTarget } from './connection-target.ts'
import { GuardedPool } from './guarded-pool.ts'
import { postgresTypes } from './int8.ts'
import { NotificationListener } from './notification-listener.ts'
import { PollListener } from './poll-listener.ts'
import type { ResolvedPostgresOptions } from './postgres-options.ts'
import { postgresUnavailability } from './unavailability.ts'

/** PostgreSQL over node-postgres. */
export class PostgresBackend<Schema> implements Backend<Schema> {
  readonly kind = 'postgres'
  readonly kysely: Kysely<Schema>
  readonly #options: ResolvedPostgresOptions
  readonly #pool: GuardedPool
  readonly #listener: NotificationListener | undefined
  readonly #poller: PollListener
  readonly #target: string

  constructor(options: ResolvedPostgresOptions) {
    this.#options = options
    this.#target = describeTarget(options.connectionString)
    this.#pool = new GuardedPool({
      config: {
        ...this.#connection(options.connectionString, options.applicationName),
        ...(options.limitsScope === 'connection' ? startLimits(options) : {}),
        query_timeout: options.queryTimeoutMs,
        connectionTimeoutMillis: options.acquireTimeoutMs,
        min: options.minConnections,
        max: options.maxConnections,
        idleTimeoutMillis: options.idleTimeoutMs,
      },
      maxWaiting: options.maxWaiting,
      transactionPrefix: options.limitsScope === 'transaction' ? transactionLimits(options) : '',
      onBackgroundError: options.onBackgroundError,
    })
    this.kysely = new Kysely<Schema>({
      dialect: new PostgresDialect({ pool: this.#pool }),
      ...(options.onQuery === undefined ? {} : { log: queryLog(options.onQuery) }),
    })
    this.#poller = new PollListener(options.listenPollIntervalMs)
    this.#listener =
      options.listenConnectionString === undefined
        ? undefined
        : new NotificationListener({
            config: {
              ...this.#connection(options.listenConnectionString, `${options.applicationName} listen`),
              connectionTimeoutMillis: options.acquireTimeoutMs,
              query_timeout: options.queryTimeoutMs,
            },
            heartbeatMs: options.listenHeartbeatMs,
            onBackgroundError: options.onBackgroundError,
          })
  }

  async open(): Promise<void> {
    await sql`select 1`.execute(this.kysely)
  }

  unavailability(error: unknown): DatabaseUnavailableError | undefined {
    return postgresUnavailability(error, this.#target)
  }

  commitUnknown(error: unknown): boolean {
    return error instanceof ConnectionFailure && error.statementSent
  }

  async migrationConnection<T>(work: (kysely: Kysely<unknown>) => Promise<T>): Promise<T> {
    const { directConnectionString, applicationName, acquireTimeoutMs, onBackgroundError } = this.#options
    const pool = new GuardedPool({
      config: {
        ...this.#connection(directConnectionString, `${applicationName} migrate`),
        connectionTimeoutMillis: acquireTimeoutMs,
        max: 1,
      },
      maxWaiting: 1,
      transactionPrefix: '',
      onBackgroundError,
    })
    const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
    try {
      return await kysely.connection().execute(work)
    } finally {
      await pool.end()
    }
  }

  listen(channel: string, handler: (notice: Notice) => void): Promise<AsyncDisposable> {
    return this.#listener === undefined
      ? Promise.resolve(this.#poller.add(handler))
      : this.#listener.add(channel, handler)
  }

  connections(): ConnectionCounts {
    return this.#pool.counts()
  }

  async close(timeoutMs: number): Promise<void> {
    this.#poller.close()
    await this.#listener?.close()
    const ended = this.#pool.end()
    const drained = new AbortController()
    const cut = sleep(timeoutMs, undefined, { signal: drained.signal }).then(
      () => this.#pool.destroy(),
      () => {},
    )
    // A session that never ends would keep its connection, which is closed by now, for ever.
    await Promise.race([ended, cut])
    drained.abort()
  }

  #connection(connectionString: string, applicationName: string): PoolConfig {
    return {
      connectionString,
      application_name: applicationName,
      types: postgresTypes,
      keepAlive: true,
      ...(this.#options.tls === undefined ? {} : { ssl: this.#options.tls }),
    }
  }
}

const startLimits = (options: ResolvedPostgresOptions): PoolConfig => ({
  statement_timeout: options.statementTimeoutMs,
  lock_timeout: options.lockTimeoutMs,
  idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs,
  // Our statements are short: planning machine code for them costs more than it saves.
  options: '-c jit=off',
})

const transactionLimits = (options: ResolvedPostgresOptions): string =>
  [
    `set local statement_timeout = ${options.statementTimeoutMs}`,
    `set local lock_timeout = ${options.lockTimeoutMs}`,
    `set local idle_in_transaction_session_timeout = ${options.idleInTransactionTimeoutMs}`,
    'set local jit = off',
  ].join('; ')
