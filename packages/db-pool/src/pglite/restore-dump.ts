import { DataDirectory, dumpsFolder } from './data-directory.ts'
import { type DumpFile, dumpsIn } from './files/dump-files.ts'
import { unpackTarball } from './files/unpack-tarball.ts'
import { unusable } from './unusable-directory.ts'

/** Which dump goes where. */
export interface RestoreOptions {
  /** As the pool's option. Nobody may have it open. */
  readonly dataDirectory: string
  /** The path of a dump. */
  readonly dump: string
}

/**
 * Puts a dump in the place of the database of a directory. What was there is moved aside, never removed.
 *
 * @returns where the database that was there is now; undefined when there was none.
 * @throws {DatabaseUnavailableError} reason `directory`: somebody has it open, or the dump cannot be unpacked. What
 *   was there is untouched then.
 */
export const restoreDump = async ({ dataDirectory, dump }: RestoreOptions): Promise<string | undefined> => {
  const directory = await DataDirectory.claim(dataDirectory)
  try {
    return await directory.exchange((cluster) => unpackTarball(dump, cluster))
  } catch (error) {
    throw unusable(directory.path, error)
  } finally {
    await directory.release()
  }
}

/** The dumps of the embedded database of a directory, the newest first. */
export const listDumps = async (dataDirectory: string): Promise<readonly DumpFile[]> =>
  await dumpsIn(dumpsFolder(dataDirectory))
