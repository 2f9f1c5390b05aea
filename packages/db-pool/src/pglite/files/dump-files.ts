import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { PARTIAL_SUFFIX } from './pack-directory.ts'

/** Why a dump was made: a day had passed, migrations were about to run, or another version of PGlite was about to open the directory. */
export type DumpReason = 'daily' | 'migration' | 'engine'

/** A dump in the directory of an embedded database. */
export interface DumpFile {
  readonly path: string
  readonly createdAt: Date
  readonly reason: DumpReason
}

const SUFFIX = '.tar.gz'
const NAME = /^(\d{4}-\d\d-\d\dT\d\d)-(\d\d)-(\d\d\.\d{3}Z)-(daily|migration|engine)\.tar\.gz$/u

/** The name of a dump that is made at `now`, without the colons that some file systems refuse. */
export const dumpName = (now: Date, reason: DumpReason): string =>
  `${now.toISOString().replaceAll(':', '-')}-${reason}${SUFFIX}`

/** The dumps in a folder, the newest first; none when there is no such folder. */
export const dumpsIn = async (folder: string): Promise<readonly DumpFile[]> => {
  const names = await readdir(folder).catch(() => [])
  return names
    .toSorted((left, right) => (left < right ? 1 : -1))
    .flatMap((name) => {
      const [, hour, minute, second, reason] = NAME.exec(name) ?? []
      return reason === 'daily' || reason === 'migration' || reason === 'engine'
        ? [{ path: join(folder, name), createdAt: new Date(`${hour}:${minute}:${second}`), reason }]
        : []
    })
}

/** Removes all but the newest `keep` dumps of each reason: seven restarts in a row must not push out a week. */
export const removeOldDumps = async (folder: string, keep: number): Promise<void> => {
  const seen = new Map<DumpReason, number>()
  for (const { path, reason } of await dumpsIn(folder)) {
    const count = (seen.get(reason) ?? 0) + 1
    seen.set(reason, count)
    if (count > keep) {
      await rm(path, { force: true })
    }
  }
}

/** Removes what a process left that was killed while it made a dump. */
export const removeUnfinishedDumps = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.endsWith(PARTIAL_SUFFIX) || name.startsWith(COPY_PREFIX)) {
      await rm(join(folder, name), { recursive: true, force: true })
    }
  }
}

/** What the names of copies begin with that are about to be packed. */
export const COPY_PREFIX = 'copy-'
