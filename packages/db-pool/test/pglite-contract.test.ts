import { createPglitePool } from '../src/pglite.ts'
import { describeDatabasePool } from './contract/database-pool-contract.ts'

let empty: Promise<Blob> | undefined

/** Made once: a database from a tarball is there in a quarter of the time. */
const emptyDatabase = (): Promise<Blob> => {
  empty ??= dumpEmptyDatabase()
  return empty
}

const dumpEmptyDatabase = async (): Promise<Blob> => {
  await using pool = createPglitePool()
  return await pool.dump()
}

describeDatabasePool((options) => createPglitePool({ initialDataDirectory: emptyDatabase, ...options }))
