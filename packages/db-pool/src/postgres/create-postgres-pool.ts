import type { DirectDatabasePool } from '../database-pool.ts'
import { SessionPool } from '../session/session-pool.ts'
import { PostgresBackend } from './postgres-backend.ts'
import { type PostgresPoolOptions, resolvePostgresOptions } from './postgres-options.ts'

/**
 * A pool of connections to PostgreSQL. Nothing is connected before the first use.
 *
 * @throws {RangeError} an option is out of range; the message names it.
 */
export const createPostgresPool = <Schema>(options: PostgresPoolOptions): DirectDatabasePool<Schema> => {
  const resolved = resolvePostgresOptions(options)
  return new SessionPool(new PostgresBackend(resolved), resolved)
}
