import { type CompiledQuery, type Dialect, Kysely, PostgresDialect, type QueryResult } from 'kysely'
import type { PoolConfig } from 'pg'

import type { Notice } from '../database-pool.ts'
import type { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import type { Backend, ConnectionCounts } from '../session/backend.ts'
import { ConnectionFailure } from './connection-failure.ts'
import { describeTarget } from './connection-target.ts'
import { GuardedPool } from './guarded-pool.ts'
import { postgresTypes } from './int8.ts'
import { NotificationListener } from './notification-listener.ts'
import { PollListener } from './poll-listener.ts'
import { MAX_TIMER_MS, type ResolvedPostgresOptions } from './postgres-options.ts'
import { tlsOptions } from './tls-mode.ts'
import { postgresUnavailability } from './unavailability.ts'

/** Commands whose answer says how many rows they changed. */
const CHANGING = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** PostgreSQL over node-postgres. */
export class PostgresBackend implements Backend {
  readonly kind = 'postgres'
  readonly dialect: Dialect
  readonly resetStatement = undefined
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
      // A transaction pooler gives each transaction another connection, which does not know the names.
      named: options.limitsScope === 'connection',
      validateAfterIdleMs: options.validateAfterIdleMs,
      maxLifetimeMs: options.maxLifetimeMs,
      onBackgroundError: options.onBackgroundError,
    })
    this.dialect = new PostgresDialect({ pool: this.#pool })
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

  /** Opens the connections that are always there. */
  async open(): Promise<void> {
    await this.#pool.open(Math.max(1, this.#options.minConnections))
  }

  async runStatement<R>({ sql, parameters }: CompiledQuery<R>): Promise<QueryResult<R>> {
    const client = await this.#pool.connect()
    try {
      const { command, rowCount, rows } = await client.query<R>(sql, parameters)
      return CHANGING.has(command) ? { rows, numAffectedRows: BigInt(rowCount) } : { rows }
    } finally {
      client.release()
    }
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
      named: false,
      validateAfterIdleMs: this.#options.validateAfterIdleMs,
      maxLifetimeMs: MAX_TIMER_MS,
      onBackgroundError,
    })
    const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
    try {
      return await kysely.connection().execute(work)
    } finally {
      await pool.end(acquireTimeoutMs)
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
    await this.#pool.end(timeoutMs)
  }

  #connection(connectionString: string, applicationName: string): PoolConfig {
    return {
      connectionString,
      application_name: applicationName,
      types: postgresTypes,
      keepAlive: true,
      ...(this.#options.tls === undefined ? {} : { ssl: tlsOptions(this.#options.tls) }),
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
