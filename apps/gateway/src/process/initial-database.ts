import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What the build puts beside the bundle: an embedded database on which all migrations have run. */
export const INITIAL_DATABASE_FILE = 'initial-database.tar.gz'

/**
 * Reads the database that a new data directory starts from, which saves most of a first start.
 *
 * @param directory where the program is.
 * @returns undefined when there is none, as when run from source: a new database is then made step by step.
 */
export const initialDatabaseIn = async (directory: string): Promise<(() => Promise<Blob>) | undefined> => {
  const file = join(directory, INITIAL_DATABASE_FILE)
  const exists = await stat(file).then(
    () => true,
    () => false,
  )
  return exists ? async () => new Blob([await readFile(file)]) : undefined
}
