import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'

import { SessionError } from '../errors/session-error.ts'
import { EngineLostError } from './engine-lost-error.ts'
import type { EngineResult } from './thread/pglite-engine.ts'

/** The one connection, for as long as one session has it. */
export class PgliteLease implements DatabaseConnection {
  readonly #engine: StatementEngine
  readonly #giveBack: () => void
  readonly #idleTimeoutMs: number
  #idleTimer: NodeJS.Timeout | undefined
  #inTransaction = false
  #running = 0
  #expired: SessionError | undefined
  /** The rollback of an expired transaction, which has to end before the next session starts. */
  #cleanUp: Promise<void> | undefined

  constructor(engine: StatementEngine, giveBack: () => void, idleTimeoutMs: number) {
    this.#engine = engine
    this.#giveBack = giveBack
    this.#idleTimeoutMs = idleTimeoutMs
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, affectedRows } = await this.#run<R>(sql, parameters)
    return { rows, ...(affectedRows === undefined ? {} : { numAffectedRows: BigInt(affectedRows) }) }
  }

  // oxlint-disable-next-line require-yield, typescript/require-await -- the interface asks for a generator
  async *streamQuery(): AsyncIterableIterator<never> {
    throw new TypeError('streaming is not supported by the embedded database')
  }

  async begin(statement: string): Promise<void> {
    await this.#run(statement, [])
    this.#inTransaction = true
    this.#watch()
  }

  /** Gives the command that the database carried out: ROLLBACK when the transaction had failed before. */
  async commit(): Promise<string | undefined> {
    const { command } = await this.#run('commit', [])
    this.#inTransaction = false
    this.#unwatch()
    return command
  }

  async rollback(): Promise<void> {
    if (this.#expired === undefined && this.#inTransaction) {
      this.#inTransaction = false
      await this.#rollBack()
    }
    this.#unwatch()
  }

  async release(): Promise<void> {
    await this.#cleanUp
    try {
      await this.rollback()
    } catch {
      // Closed meanwhile, or broken: whoever comes next is told, and this session has its own error already.
    } finally {
      this.#giveBack()
    }
  }

  async #run<R>(sql: string, parameters: readonly unknown[]): Promise<EngineResult<R>> {
    if (this.#expired !== undefined) {
      throw this.#expired
    }
    this.#unwatch()
    this.#running += 1
    try {
      return await this.#engine.query<R>(sql, parameters)
    } finally {
      this.#running -= 1
      this.#watch()
    }
  }

  async #rollBack(): Promise<void> {
    try {
      await this.#run('rollback', [])
    } catch (error) {
      // With the thread, the transaction is gone as well; what was rolled back for is the error that counts.
      if (!(error instanceof EngineLostError)) {
        throw error
      }
    }
  }

  /** PGlite has one connection and no time limits of its own: a session that hangs would stop everything. */
  #watch(): void {
    if (this.#inTransaction && this.#running === 0) {
      this.#unwatch()
      this.#idleTimer = setTimeout(() => this.#expire(), this.#idleTimeoutMs)
    }
  }

  #unwatch(): void {
    clearTimeout(this.#idleTimer)
    this.#idleTimer = undefined
  }

  #expire(): void {
    const message = `the session held its transaction open for ${this.#idleTimeoutMs} ms without using it, so it was rolled back`
    this.#expired = new SessionError('idle-timeout', message)
    this.#cleanUp = this.#abandon()
  }

  async #abandon(): Promise<void> {
    try {
      await this.#engine.query('rollback', [])
    } catch {
      // Whoever gets the connection next will see what is wrong with it.
    } finally {
      this.#giveBack()
    }
  }
}

/** What runs the statements of a lease. */
export interface StatementEngine {
  query<R>(sql: string, parameters: readonly unknown[]): Promise<EngineResult<R>>
}
