import type {
  CompiledQuery,
  DatabaseConnection,
  DatabaseIntrospector,
  Dialect,
  DialectAdapter,
  Driver,
  Kysely,
  QueryCompiler,
  QueryResult,
  TransactionSettings,
} from 'kysely'

import type { QueryEvent } from '../pool-options.ts'

/** What the door for single statements adds to a dialect. */
export interface DirectDoor {
  readonly dialect: Dialect
  /** Throws when no connection may be asked for now. */
  readonly admit: () => void
  /** Gives what to throw for what went wrong. */
  readonly explain: (error: unknown) => unknown
  /** Is told of each statement. */
  readonly onQuery: ((event: QueryEvent) => void) | undefined
}

type Compile = QueryCompiler['compileQuery']

/** A dialect whose connections are asked for outside sessions and whose errors are this package's. */
export class DirectDialect implements Dialect {
  readonly driver: DirectDriver
  readonly #door: DirectDoor

  constructor(door: DirectDoor) {
    this.#door = door
    this.driver = new DirectDriver(door)
  }

  createDriver(): DirectDriver {
    return this.driver
  }

  createQueryCompiler(): QueryCompiler {
    return this.#door.dialect.createQueryCompiler()
  }

  createAdapter(): DialectAdapter {
    return this.#door.dialect.createAdapter()
  }

  createIntrospector(kysely: Kysely<unknown>): DatabaseIntrospector {
    return this.#door.dialect.createIntrospector(kysely)
  }
}

/** See {@link DirectDialect}. */
export class DirectDriver implements Driver {
  readonly #driver: Driver
  readonly #door: DirectDoor
  #ready: Promise<void> | undefined

  constructor(door: DirectDoor) {
    this.#door = door
    this.#driver = door.dialect.createDriver()
  }

  init(): Promise<void> {
    this.#ready ??= this.#driver.init()
    return this.#ready
  }

  async acquireConnection(): Promise<DirectConnection> {
    this.#door.admit()
    await this.init()
    try {
      return new DirectConnection(await this.#driver.acquireConnection(), this.#door)
    } catch (error) {
      throw this.#door.explain(error)
    }
  }

  beginTransaction(connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    return this.#explained(this.#driver.beginTransaction(innerOf(connection), settings))
  }

  commitTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#explained(this.#driver.commitTransaction(innerOf(connection)))
  }

  rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    return this.#explained(this.#driver.rollbackTransaction(innerOf(connection)))
  }

  async savepoint(connection: DatabaseConnection, name: string, compile: Compile): Promise<void> {
    await this.#explained(this.#driver.savepoint?.(innerOf(connection), name, compile))
  }

  async rollbackToSavepoint(connection: DatabaseConnection, name: string, compile: Compile): Promise<void> {
    await this.#explained(this.#driver.rollbackToSavepoint?.(innerOf(connection), name, compile))
  }

  async releaseSavepoint(connection: DatabaseConnection, name: string, compile: Compile): Promise<void> {
    await this.#explained(this.#driver.releaseSavepoint?.(innerOf(connection), name, compile))
  }

  releaseConnection(connection: DatabaseConnection): Promise<void> {
    return this.#driver.releaseConnection(innerOf(connection))
  }

  /** The connections are the pool's. */
  async destroy(): Promise<void> {}

  async #explained<T>(result: Promise<T> | undefined): Promise<T> {
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only savepoints may be missing, which give nothing
      return (await result) as T
    } catch (error) {
      throw this.#door.explain(error)
    }
  }
}

/** A connection of the pool whose errors are explained and whose statements are told. */
export class DirectConnection implements DatabaseConnection {
  readonly inner: DatabaseConnection
  readonly #door: DirectDoor

  constructor(inner: DatabaseConnection, door: DirectDoor) {
    this.inner = inner
    this.#door = door
  }

  executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return toldAndExplained(this.#door, query.sql, () => this.inner.executeQuery<R>(query))
  }

  streamQuery<R>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    return this.inner.streamQuery<R>(query, chunkSize)
  }
}

/** Runs a statement with a connection that is there. */
export const toldAndExplained = async <T>(
  { onQuery, explain }: DirectDoor,
  sql: string,
  run: () => Promise<T>,
): Promise<T> => {
  const started = onQuery === undefined ? 0 : performance.now()
  try {
    const value = await run()
    onQuery?.({ sql, durationMs: performance.now() - started, error: undefined })
    return value
  } catch (error) {
    onQuery?.({ sql, durationMs: performance.now() - started, error })
    throw explain(error)
  }
}

const innerOf = (connection: DatabaseConnection): DatabaseConnection => {
  if (!(connection instanceof DirectConnection)) {
    throw new TypeError('this connection is of another database')
  }
  return connection.inner
}
