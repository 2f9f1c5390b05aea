import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import type { DataDirectory } from './data-directory.ts'
import { EngineLostError } from './engine-lost-error.ts'
import { EngineThread } from './engine-thread.ts'
import { dumpsIn } from './files/dump-files.ts'
import { engineVersion } from './files/engine-version.ts'
import { probeDirectory } from './probe-directory.ts'
import { isUnreadable, stepOf } from './thread/opening-failure.ts'
import { unusable } from './unusable-directory.ts'

/** What became of a directory whose database could not be read, or was gone although there are dumps of it. */
export interface RecoveryReport {
  /** What was wrong with the database, in words. */
  readonly reason: string
  /** Where its files are now; undefined when there were none. */
  readonly movedTo: string | undefined
  /** The dump that it was restored from; undefined when there was none that could be used, and an empty one was made. */
  readonly restoredFrom: string | undefined
  /** When that dump was made: what was stored later is only in `movedTo`. */
  readonly restoredAsOf: Date | undefined
  /** Newer dumps that could not be used either. */
  readonly unusableDumps: readonly string[]
}

/** How to open a directory. */
export interface OpeningOptions {
  /** What a new database starts from. */
  readonly initial: () => Promise<Blob | undefined>
  /** Whether the database is dumped before another version of PGlite opens it. */
  readonly keepDumps: boolean
  readonly onNotice: (channel: string, payload: string) => void
  /** Is told when the database was not the one that was stored last. */
  readonly onRecovery: (report: RecoveryReport) => void
}

/**
 * Opens the database of a directory that has been claimed. A new one is made. One that cannot be read is moved
 * aside, never removed, and the newest dump that works takes its place.
 *
 * @throws {DatabaseUnavailableError} reason `directory`: the machine, the version or the rights are at fault;
 *   reason `not-ready`: the thread of the database ended, and another try may succeed.
 */
export const openDirectory = async (
  directory: DataDirectory,
  options: OpeningOptions,
): Promise<EngineThread> => {
  try {
    const version = await engineVersion()
    const thread = (await directory.isNew())
      ? await replace(directory, options, undefined)
      : await openExisting(directory, options, version)
    if (version !== undefined && (await directory.lastEngine()) !== version) {
      await directory.rememberEngine(version)
    }
    return thread
  } catch (error) {
    throw openingError(directory.path, error)
  }
}

/** Opens the database again in which this process has worked before: what is wrong with it now is not recovered from. */
export const reopenDirectory = async (
  directory: DataDirectory,
  onNotice: OpeningOptions['onNotice'],
): Promise<EngineThread> => {
  try {
    return await start(directory, onNotice, {})
  } catch (error) {
    throw openingError(directory.path, error)
  }
}

const openExisting = async (
  directory: DataDirectory,
  options: OpeningOptions,
  version: string | undefined,
): Promise<EngineThread> => {
  const isOther = version !== undefined && (await directory.lastEngine()) !== version
  const keepAs = isOther && options.keepDumps ? await directory.newDump('engine') : undefined
  try {
    return await start(directory, options.onNotice, { keepAs, verify: true })
  } catch (error) {
    if (!isUnreadable(error)) {
      throw error
    }
    await probeDirectory(directory.path, directory.cluster)
    return await replace(directory, options, error.message)
  }
}

/** Puts the newest dump that works in the place of the cluster, or a new database when there is none. */
const replace = async (
  directory: DataDirectory,
  { initial, onNotice, onRecovery }: OpeningOptions,
  unreadable: string | undefined,
): Promise<EngineThread> => {
  const movedTo = unreadable === undefined ? undefined : await directory.moveAside('unreadable', new Date())
  const unusableDumps: string[] = []
  const reason = unreadable ?? 'its files are gone'
  for (const { path, createdAt } of await dumpsIn(directory.dumps)) {
    await directory.begin()
    try {
      const thread = await start(directory, onNotice, { fill: path, verify: true })
      await directory.finish()
      onRecovery({ reason, movedTo, restoredFrom: path, restoredAsOf: createdAt, unusableDumps })
      return thread
    } catch (error) {
      if (!isUnreadable(error) && stepOf(error) !== 'fill') {
        throw error
      }
      await probeDirectory(directory.path, directory.cluster)
      unusableDumps.push(path)
    }
  }
  await directory.begin()
  const tarball = await initial()
  const fill = tarball === undefined ? undefined : new Uint8Array(await tarball.arrayBuffer())
  const thread = await start(directory, onNotice, { fill })
  await directory.finish()
  if (unreadable !== undefined || unusableDumps.length > 0) {
    onRecovery({ reason, movedTo, restoredFrom: undefined, restoredAsOf: undefined, unusableDumps })
  }
  return thread
}

const start = (
  directory: DataDirectory,
  onNotice: OpeningOptions['onNotice'],
  {
    keepAs,
    fill,
    verify = false,
  }: { keepAs?: string | undefined; fill?: Uint8Array | string | undefined; verify?: boolean },
): Promise<EngineThread> =>
  EngineThread.start({ directory: directory.cluster, keepAs, fill, verify }, onNotice)

const openingError = (path: string, error: unknown): DatabaseUnavailableError => {
  if (error instanceof EngineLostError) {
    const message = `the embedded database in ${path} could not be opened: ${error.message}`
    return new DatabaseUnavailableError('not-ready', message, { cause: error })
  }
  return unusable(path, error)
}
