import type { CompiledQuery, Dialect, Kysely, QueryResult } from 'kysely'

import type { Notice } from '../database-pool.ts'
import type { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'

/** What a pool needs of a kind of database. Everything else is shared. */
export interface Backend {
  readonly kind: 'postgres' | 'pglite'
  /** Gives the pool's connections to Kysely. */
  readonly dialect: Dialect
  /**
   * What is run on a connection that strangers used before the next session has it, when it cannot be thrown
   * away; undefined: the dialect throws it away unless it is idle.
   */
  readonly resetStatement: string | undefined
  /** Runs one statement on whichever connection is free, more directly than the dialect can. undefined: it is not more direct. */
  runStatement?<R>(query: CompiledQuery<R>): Promise<QueryResult<R>>
  /** Tries once to reach or open the database. */
  open(): Promise<void>
  /** What makes the database unusable, for a person; undefined when `error` does not say that it is. */
  unavailability(error: unknown): DatabaseUnavailableError | undefined
  /** Whether `error`, the answer to a commit, leaves open what became of it. */
  commitUnknown(error: unknown): boolean
  /** Runs `work` on one connection that nobody else uses and that has no time limit for statements. */
  migrationConnection<T>(work: (kysely: Kysely<unknown>) => Promise<T>): Promise<T>
  /** Keeps what there is before migrations change it; called within {@link migrationConnection}. undefined: somebody else does. */
  beforeMigrations?(): Promise<void>
  listen(channel: string, handler: (notice: Notice) => void): Promise<AsyncDisposable>
  connections(): ConnectionCounts
  /** Ends all connections; what is not free after `timeoutMs` is cut. */
  close(timeoutMs: number): Promise<void>
}

export interface ConnectionCounts {
  readonly size: number
  readonly available: number
  readonly waiting: number
  readonly limit: number
  readonly discarded: number
}
