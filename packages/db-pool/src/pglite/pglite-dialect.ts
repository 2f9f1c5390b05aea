import {
  AbortedTransactionError,
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryCompiler,
  type TransactionSettings,
} from 'kysely'

import type { PgliteLease } from './pglite-lease.ts'

/**
 * Kysely on the one connection of PGlite. Kysely's own dialect for it waits for that connection without a
 * limit, waits for ever when the database closes meanwhile, and cannot be told an isolation level.
 */
export class PgliteDialect implements Dialect {
  readonly #lease: () => Promise<PgliteLease>

  /** @param lease waits for the connection. */
  constructor(lease: () => Promise<PgliteLease>) {
    this.#lease = lease
  }

  createDriver(): Driver {
    return new PgliteDriver(this.#lease)
  }

  createQueryCompiler(): QueryCompiler {
    return new PostgresQueryCompiler()
  }

  createAdapter(): DialectAdapter {
    return new PostgresAdapter()
  }

  createIntrospector(kysely: Kysely<unknown>): DatabaseIntrospector {
    return new PostgresIntrospector(kysely)
  }
}

class PgliteDriver implements Driver {
  readonly #lease: () => Promise<PgliteLease>
  readonly #leases = new WeakMap<DatabaseConnection, PgliteLease>()

  constructor(lease: () => Promise<PgliteLease>) {
    this.#lease = lease
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const lease = await this.#lease()
    this.#leases.set(lease, lease)
    return lease
  }

  async beginTransaction(
    connection: DatabaseConnection,
    { isolationLevel, accessMode }: TransactionSettings,
  ): Promise<void> {
    const isolation = isolationLevel === undefined ? '' : ` isolation level ${isolationLevel}`
    await this.#of(connection).begin(`begin${isolation}${accessMode === undefined ? '' : ` ${accessMode}`}`)
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    if ((await this.#of(connection).commit()) === 'ROLLBACK') {
      throw new AbortedTransactionError()
    }
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await this.#of(connection).rollback()
  }

  async savepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`savepoint ${quoted(name)}`))
  }

  async rollbackToSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`rollback to ${quoted(name)}`))
  }

  async releaseSavepoint(connection: DatabaseConnection, name: string): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(`release ${quoted(name)}`))
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    await this.#of(connection).release()
  }

  async destroy(): Promise<void> {}

  #of(connection: DatabaseConnection): PgliteLease {
    const lease = this.#leases.get(connection)
    if (lease === undefined) {
      throw new TypeError('this connection is of another database')
    }
    return lease
  }
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
