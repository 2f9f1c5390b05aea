import { constants } from 'node:fs'
import { access, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { unusable } from './unusable-directory.ts'

/** What a disk must have room for before its files are called damaged, in bytes. */
const PROBE_BYTES = 1_048_576

/**
 * Makes sure that files can be read and written in a data directory, so that a full disk is not taken for a damaged
 * database.
 *
 * @throws {DatabaseUnavailableError} reason `directory`.
 */
export const probeDirectory = async (path: string, cluster: string): Promise<void> => {
  const file = join(path, 'probe')
  try {
    await writeFile(file, Buffer.alloc(PROBE_BYTES), { flush: true })
    for (const entry of await readdir(cluster, { recursive: true, withFileTypes: true })) {
      const folder = entry.isDirectory() ? constants.X_OK : 0
      await access(join(entry.parentPath, entry.name), constants.R_OK | constants.W_OK | folder)
    }
  } catch (error) {
    throw unusable(path, error)
  } finally {
    await rm(file, { force: true })
  }
}
