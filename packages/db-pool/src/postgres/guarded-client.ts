import type { PostgresCursor, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import type { PoolClient } from 'pg'

import { sqlStateOf } from '../errors/sql-state.ts'
import { ConnectionFailure } from './connection-failure.ts'

const isFatal = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'severity' in error &&
  (error.severity === 'FATAL' || error.severity === 'PANIC')

/**
 * One connection of the pool as Kysely sees it. It remembers what happened on it, so that a connection that
 * broke, whose statement was not answered, or that is still inside a transaction is closed and not handed
 * to the next session: node-postgres gives a client whose query timed out back to the pool as it is, busy.
 */
export class GuardedClient implements PostgresPoolClient {
  readonly #client: PoolClient
  readonly #transactionPrefix: string
  readonly #onDiscard: () => void
  #running = 0
  #broken: { readonly cause: unknown } | undefined

  /**
   * @param transactionPrefix statements that are sent with each BEGIN, in the same round trip; may be empty.
   */
  constructor(client: PoolClient, transactionPrefix: string, onDiscard: () => void) {
    this.#client = client
    this.#transactionPrefix = transactionPrefix
    this.#onDiscard = onDiscard
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
    if (discard) {
      this.#onDiscard()
    }
    this.#client.release(discard)
  }

  async #query<R>(sql: string, parameters: ReadonlyArray<unknown>): Promise<PostgresQueryResult<R>> {
    if (this.#broken !== undefined) {
      if (sql === 'rollback') {
        // The server has done it, or will. Kysely would throw our refusal in place of what it rolls back for.
        return { command: 'ROLLBACK', rowCount: 0, rows: [] }
      }
      throw this.#failure(false, this.#broken.cause)
    }
    this.#running += 1
    try {
      const result: unknown = await this.#client.query(this.#withPrefix(sql), [...parameters])
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- rows are what Kysely's types say they are
      return result as PostgresQueryResult<R>
    } catch (error) {
      throw this.#judge(error)
    } finally {
      this.#running -= 1
    }
  }

  #withPrefix(sql: string): string {
    const begins = sql === 'begin' || sql.startsWith('start transaction')
    return begins && this.#transactionPrefix !== '' ? `${sql}; ${this.#transactionPrefix}` : sql
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
