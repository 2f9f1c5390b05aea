import { DEFAULT_TENANT } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { migrations, type RegistryDatabase, TenantRepository } from '@mreg/repositories'

/** How long a start waits for the database to answer, in milliseconds. */
const DATABASE_TIMEOUT_MS = 15_000

/**
 * Waits for the database (until `signal` is aborted), brings its schema up to date and makes sure of the default tenant. Any number
 * of processes may do so at once.
 *
 * @throws {DatabaseUnavailableError} it does not answer, or its directory cannot be used.
 * @throws {MigrationError} it cannot be brought up to date.
 */
export const prepareDatabase = async (
  database: DatabasePool<RegistryDatabase>,
  signal?: AbortSignal,
): Promise<void> => {
  await database.initialize({ timeoutMs: DATABASE_TIMEOUT_MS, signal })
  await database.migrate(migrations)
  await database.systemSession('make sure of the default tenant', (session) =>
    new TenantRepository(session).ensure(DEFAULT_TENANT),
  )
}
