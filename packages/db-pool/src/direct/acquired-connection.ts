import { CompiledQuery, type QueryResult } from 'kysely'

import type { AcquiredConnection } from '../database-pool.ts'
import type { DirectConnection, DirectDriver } from './direct-dialect.ts'
import { Statements } from './direct-statements.ts'

/** A connection that somebody took out of the pool. */
export class Acquired extends Statements implements AcquiredConnection {
  readonly #driver: DirectDriver
  readonly #connection: DirectConnection
  readonly #resetStatement: string | undefined
  #running: Promise<unknown> | undefined
  #released: Promise<void> | undefined

  /**
   * @param resetStatement what is run before it goes back; undefined: the driver throws it away unless it is idle.
   */
  constructor(driver: DirectDriver, connection: DirectConnection, resetStatement: string | undefined) {
    super((query) => this.#execute(query))
    this.#driver = driver
    this.#connection = connection
    this.#resetStatement = resetStatement
  }

  release(): Promise<void> {
    this.#released ??= this.#giveBack()
    return this.#released
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }

  async #execute<R>(query: CompiledQuery<R>): Promise<QueryResult<R>> {
    if (this.#released !== undefined) {
      throw new TypeError('this connection was given back to the pool: acquire another one')
    }
    if (this.#running !== undefined) {
      throw new TypeError('this connection runs one statement at a time: wait for the one before')
    }
    const running = this.#connection.executeQuery<R>(query)
    this.#running = running
    try {
      return await running
    } finally {
      this.#running = undefined
    }
  }

  async #giveBack(): Promise<void> {
    try {
      if (this.#resetStatement !== undefined) {
        await this.#running?.catch(() => {})
        await this.#connection.executeQuery(CompiledQuery.raw(this.#resetStatement))
      }
    } catch {
      // Closed meanwhile, or broken: whoever comes next is told.
    } finally {
      await this.#driver.releaseConnection(this.#connection)
    }
  }
}
