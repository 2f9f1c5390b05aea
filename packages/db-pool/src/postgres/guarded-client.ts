import type { PostgresCursor, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import type { PoolClient, QueryConfig } from 'pg'

import { isStalePlan, sqlStateOf } from '../errors/sql-state.ts'
import { renameStatement, statementName } from '../prepared/statement-names.ts'
import { ConnectionFailure } from './connection-failure.ts'

const isFatal = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'severity' in error &&
  (error.severity === 'FATAL' || error.severity === 'PANIC')

/** What a {@link GuardedClient} takes. */
export interface GuardedClientOptions {
  /** Statements that are sent with each BEGIN, in the same round trip; may be empty. */
  readonly transactionPrefix: string
  /** How long a BEGIN may go unanswered, in milliseconds. */
  readonly beginTimeoutMs: number
  /** How long the question whether the server is still there may go unanswered, in milliseconds. */
  readonly questionTimeoutMs: number
  /** Whether the connection may keep named statements. */
  readonly named: boolean
  readonly onDiscard: () => void
}

/**
 * One connection of the pool as Kysely sees it. It remembers what happened on it, so that a connection that
 * broke, whose statement was not answered, or that is still inside a transaction is closed and not handed
 * to the next session: node-postgres gives a client whose query timed out back to the pool as it is, busy.
 */
export class GuardedClient implements PostgresPoolClient {
  readonly #client: PoolClient
  readonly #options: GuardedClientOptions
  #running = 0
  #broken: { readonly cause: unknown } | undefined
  #answeredAt = performance.now()

  constructor(client: PoolClient, options: GuardedClientOptions) {
    this.#client = client
    this.#options = options
  }

  /** When the server was last heard of, on the clock of `performance.now()`. */
  get answeredAt(): number {
    return this.#answeredAt
  }

  get broken(): boolean {
    return this.#broken !== undefined
  }

  get processID(): number {
    // node-postgres learns it from the server's BackendKeyData; Kysely asks the server when it is 0.
    return 'processID' in this.#client && typeof this.#client.processID === 'number'
      ? this.#client.processID
      : 0
  }

  /** Says that the connection broke. The first one to say so knows best why. */
  fail(cause: unknown): void {
    this.#broken ??= { cause }
  }

  /** Asks the server whether it is still there. */
  async answers(): Promise<boolean> {
    try {
      await this.#send({ text: 'select 1', query_timeout: this.#options.questionTimeoutMs })
      return true
    } catch {
      return false
    }
  }

  query<R>(sql: string, parameters: ReadonlyArray<unknown>): Promise<PostgresQueryResult<R>>
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>
  query<R>(
    sql: string | PostgresCursor<R>,
    parameters: ReadonlyArray<unknown> = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof sql !== 'string') {
      throw new TypeError('cursors are not supported')
    }
    return this.#query<R>(sql, parameters)
  }

  release(destroy = false): void {
    const clean = this.#running === 0 && this.#client.getTransactionStatus() === 'I'
    const discard = destroy || this.#broken !== undefined || !clean
    this.#client.release(discard)
    if (discard) {
      // A server that does not answer does not answer a goodbye either.
      this.#client.connection.stream.destroy()
      this.#options.onDiscard()
    }
  }

  #query<R>(sql: string, parameters: ReadonlyArray<unknown>): Promise<PostgresQueryResult<R>> {
    if (this.#broken !== undefined) {
      if (sql === 'rollback') {
        // The server has done it, or will. Kysely would throw our refusal in place of what it rolls back for.
        return Promise.resolve({ command: 'ROLLBACK', rowCount: 0, rows: [] })
      }
      return Promise.reject(this.#failure(false, this.#broken.cause))
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- rows are what Kysely's types say they are
    return this.#run(sql, [...parameters]) as Promise<PostgresQueryResult<R>>
  }

  #run(sql: string, values: unknown[]): Promise<unknown> {
    const { beginTimeoutMs, named, transactionPrefix } = this.#options
    if (sql === 'begin' || sql.startsWith('start transaction')) {
      const text = transactionPrefix === '' ? sql : `${sql}; ${transactionPrefix}`
      return this.#send({ text, query_timeout: beginTimeoutMs })
    }
    const name = named ? statementName(sql) : undefined
    return this.#send(name === undefined ? { text: sql, values } : { name, text: sql, values })
  }

  async #send(query: QueryConfig & { readonly query_timeout?: number }): Promise<unknown> {
    this.#running += 1
    try {
      const result: unknown = await this.#client.query(query)
      this.#answeredAt = performance.now()
      return result
    } catch (error) {
      if (query.name !== undefined && isStalePlan(error)) {
        renameStatement(query.text)
        if (this.#client.getTransactionStatus() === 'I') {
          // Outside a transaction nothing has happened yet.
          return await this.#send({ ...query, name: statementName(query.text) ?? '' })
        }
      }
      throw this.#judge(error)
    } finally {
      this.#running -= 1
    }
  }

  #judge(error: unknown): unknown {
    if (sqlStateOf(error) !== undefined && !isFatal(error)) {
      return error
    }
    const unanswered = error instanceof Error && error.message === 'Query read timeout'
    if (this.#broken !== undefined || unanswered || isFatal(error)) {
      this.fail(error)
      return this.#failure(true, this.#broken?.cause)
    }
    // Neither the server's error nor the connection's: a value that could not be encoded, say. Whatever was sent
    // of the statement, the connection is not trusted again.
    this.fail(error)
    return error
  }

  #failure(statementSent: boolean, cause: unknown): ConnectionFailure {
    const message = cause instanceof Error ? cause.message : 'it was closed'
    return new ConnectionFailure(statementSent, message, { cause })
  }
}
