import { createPglitePool } from '@mreg/db-pool/pglite'
import type { RegistryDatabase } from '@mreg/repositories'

import { prepareDatabase } from './prepare-database.ts'

/** Makes an embedded database on which all migrations have run, as a tarball for `ProcessFacts.initialDatabase`. */
export const createInitialDatabase = async (): Promise<Uint8Array> => {
  const database = createPglitePool<RegistryDatabase>({})
  try {
    await prepareDatabase(database)
    return new Uint8Array(await (await database.dump()).arrayBuffer())
  } finally {
    await database.close()
  }
}
