import { type Kysely, sql } from 'kysely'
import { type Migration as KyselyMigration, Migrator, type MigrationResultSet } from 'kysely/migration'

import type { MigrateOptions, Migration, MigrationReport } from '../database-pool.ts'
import { MigrationError } from '../errors/migration-error.ts'
import { sqlStateOf } from '../errors/sql-state.ts'

const MIGRATION_TABLE = 'kysely_migration'

/** Of this database only; the number is arbitrary and must never change. */
const PROCESS_LOCK = '7303014771928336513'

/**
 * Brings the schema up to date on one connection. Holds an advisory lock of the session, so that what it
 * reads about the schema stays true until it has finished.
 *
 * @param beforeChanges is called before a schema is changed that was not empty.
 */
export const runMigrations = async (
  kysely: Kysely<unknown>,
  migrations: Readonly<Record<string, Migration>>,
  { processLockTimeoutMs = 120_000, tableLockTimeoutMs = 10_000 }: MigrateOptions,
  beforeChanges: () => Promise<void>,
): Promise<MigrationReport> => {
  // The usual start finds nothing to do, and should not pay for Kysely's look at the whole catalogue.
  const before = await readHistory(kysely, migrations)
  if (before.pending.length === 0) {
    return { executed: [], newer: before.newer }
  }
  await lockProcesses(kysely, processLockTimeoutMs)
  try {
    await sql`select set_config('lock_timeout', ${String(tableLockTimeoutMs)}, false)`.execute(kysely)
    const { newer, pending } = await readHistory(kysely, migrations)
    if (pending.length > 0 && pending.length < Object.keys(migrations).length) {
      await beforeChanges()
    }
    const migrator = new Migrator({
      db: kysely,
      migrationTableName: MIGRATION_TABLE,
      provider: { getMigrations: () => Promise.resolve(withPlaceholders(migrations, newer)) },
    })
    return { executed: executedBy(await migrator.migrateToLatest()), newer }
  } finally {
    await unlockProcesses(kysely)
  }
}

const lockProcesses = async (kysely: Kysely<unknown>, timeoutMs: number): Promise<void> => {
  await sql`select set_config('lock_timeout', ${String(timeoutMs)}, false)`.execute(kysely)
  try {
    await sql`select pg_advisory_lock(${sql.lit(PROCESS_LOCK)})`.execute(kysely)
  } catch (error) {
    if (sqlStateOf(error) !== '55P03') {
      throw error
    }
    const message = `another process has been migrating this database for more than ${timeoutMs} ms: see what it waits for`
    throw new MigrationError(undefined, message, { cause: error })
  }
}

const unlockProcesses = async (kysely: Kysely<unknown>): Promise<void> => {
  try {
    await sql`select set_config('lock_timeout', '0', false), pg_advisory_unlock(${sql.lit(PROCESS_LOCK)})`.execute(
      kysely,
    )
  } catch {
    // The connection is gone, and with it the lock. What went wrong before must not be hidden.
  }
}

/** What the database has run beside what we know. */
interface History {
  /** Ours that it has not run. */
  readonly pending: readonly string[]
  /** Those that it has run and we do not know, by name. */
  readonly newer: readonly string[]
}

/** @throws {MigrationError} the history is not one of this schema. */
const readHistory = async (
  kysely: Kysely<unknown>,
  migrations: Readonly<Record<string, Migration>>,
): Promise<History> => {
  const known = Object.keys(migrations)
  const executed = await executedMigrations(kysely)
  const newer = executed.filter((name) => !Object.hasOwn(migrations, name))
  // A newer version of ours only adds after what we know; anything else is the history of another schema.
  const foreign = newer.filter((name) => known.some((ours) => ours > name))
  if (foreign.length > 0) {
    const message = `the database has run migrations that belong before ours and that we do not have (${foreign.join(', ')}): it is not one of this schema`
    throw new MigrationError(undefined, message)
  }
  return { pending: known.filter((name) => !executed.includes(name)), newer }
}

const executedMigrations = async (kysely: Kysely<unknown>): Promise<readonly string[]> => {
  const table = await sql<{
    found: boolean
  }>`select to_regclass(${MIGRATION_TABLE}) is not null as found`.execute(kysely)
  if (table.rows[0]?.found !== true) {
    return []
  }
  const { rows } = await sql<{
    name: string
  }>`select name from ${sql.table(MIGRATION_TABLE)} order by name`.execute(kysely)
  return rows.map(({ name }) => name)
}

/**
 * Kysely refuses a database whose history holds more than the code. A newer version only adds, so its
 * migrations are shown to Kysely as done.
 */
const withPlaceholders = (
  migrations: Readonly<Record<string, Migration>>,
  newer: readonly string[],
): Record<string, KyselyMigration> => ({
  ...Object.fromEntries(Object.entries(migrations).map(([name, migration]) => [name, asKysely(migration)])),
  ...Object.fromEntries(newer.map((name) => [name, { up: () => Promise.resolve() }])),
})

/** What PostgreSQL suggests. */
const hintOf = (error: Error): string =>
  'hint' in error && typeof error.hint === 'string' && error.hint !== '' ? ` (${error.hint})` : ''

const asKysely = (migration: Migration): KyselyMigration => ({ up: (kysely) => migration.up(kysely) })

const executedBy = ({ error, results }: MigrationResultSet): readonly string[] => {
  if (error !== undefined) {
    const failed = results?.find(({ status }) => status === 'Error')?.migrationName
    const about = error instanceof Error ? `${error.message}${hintOf(error)}` : 'for an unknown reason'
    const message =
      failed === undefined
        ? `the schema cannot be brought up to date: ${about}`
        : `migration "${failed}" failed and was rolled back: ${about}`
    throw new MigrationError(failed, message, { cause: error })
  }
  return (results ?? []).map(({ migrationName }) => migrationName)
}
