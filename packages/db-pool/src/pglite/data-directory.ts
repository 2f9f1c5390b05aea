import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

import { COPY_PREFIX, dumpName, type DumpReason, removeUnfinishedDumps } from './files/dump-files.ts'
import { exists } from './files/exists.ts'
import { flushDirectory } from './files/pack-directory.ts'
import { ProcessLock } from './process-lock.ts'
import { unusable } from './unusable-directory.ts'

/**
 * The directory of an embedded database: `cluster` is PGlite's, `dumps` has its dumps, `lock` says which process has
 * it, `engine` which version of PGlite opened it last, and `creating` is there while a new cluster has not been opened
 * once.
 */
export class DataDirectory {
  readonly path: string
  readonly #lock: ProcessLock

  private constructor(path: string, lock: ProcessLock) {
    this.path = path
    this.#lock = lock
  }

  /**
   * Makes the directory when it is missing and locks it. What an earlier process began to create and never
   * finished is removed: nobody can have been told that anything was stored in it.
   *
   * @throws {DatabaseUnavailableError} reason `directory`.
   */
  static async claim(path: string): Promise<DataDirectory> {
    const root = resolve(path)
    try {
      await mkdir(root, { recursive: true, mode: 0o700 })
      const directory = new DataDirectory(root, await ProcessLock.take(join(root, 'lock')))
      try {
        if (await exists(directory.#marker)) {
          await rm(directory.cluster, { recursive: true, force: true })
        }
        await removeUnfinishedDumps(directory.dumps)
        return directory
      } catch (error) {
        await directory.release()
        throw error
      }
    } catch (error) {
      throw unusable(root, error)
    }
  }

  get cluster(): string {
    return join(this.path, 'cluster')
  }

  get dumps(): string {
    return dumpsFolder(this.path)
  }

  get #marker(): string {
    return join(this.path, 'creating')
  }

  get #engine(): string {
    return join(this.path, 'engine')
  }

  /**
   * Whether there is no database in it: not even the remains of one.
   *
   * @throws {DatabaseUnavailableError} reason `directory`: that cannot be seen.
   */
  async isNew(): Promise<boolean> {
    try {
      return !(await exists(this.cluster)) || (await readdir(this.cluster)).length === 0
    } catch (error) {
      throw unusable(this.path, error)
    }
  }

  /** Makes room for a new cluster; if the process dies before {@link finish}, the next one starts afresh. */
  async begin(): Promise<void> {
    try {
      await writeFile(this.#marker, '')
      await rm(this.cluster, { recursive: true, force: true })
      await mkdir(this.cluster, { mode: 0o700 })
    } catch (error) {
      throw unusable(this.path, error)
    }
  }

  /** The new cluster was opened: it stays. */
  async finish(): Promise<void> {
    await rm(this.#marker, { force: true })
    await flushDirectory(this.path)
  }

  /**
   * Moves the cluster out of the way, beside the directory where that can be done.
   *
   * @returns where it is now.
   */
  async moveAside(label: 'unreadable' | 'replaced', now: Date): Promise<string> {
    const name = `${label}-${now.toISOString().replaceAll(':', '-')}`
    const beside = join(dirname(this.path), `${basename(this.path)}.${name}`)
    try {
      await rename(this.cluster, beside)
      return beside
    } catch {
      // The directory may be a volume of its own, or what is above it somebody else's.
      const inside = join(this.path, name)
      await rename(this.cluster, inside)
      return inside
    }
  }

  /**
   * Puts a cluster that `fill` unpacks into the place of the one that is there, which is moved aside.
   *
   * @returns where it is now; undefined when there was none.
   */
  async exchange(fill: (folder: string) => Promise<void>): Promise<string | undefined> {
    const fresh = join(this.path, 'restoring')
    await rm(fresh, { recursive: true, force: true })
    try {
      await mkdir(fresh, { mode: 0o700 })
      await fill(fresh)
      const movedTo = (await this.isNew()) ? undefined : await this.moveAside('replaced', new Date())
      await rm(this.cluster, { recursive: true, force: true })
      await rename(fresh, this.cluster)
      await flushDirectory(this.path)
      return movedTo
    } finally {
      await rm(fresh, { recursive: true, force: true })
    }
  }

  /** The version of PGlite that opened the cluster last; undefined when nothing says so. */
  async lastEngine(): Promise<string | undefined> {
    return await readFile(this.#engine, 'utf8').then(
      (text) => text.trim(),
      () => undefined,
    )
  }

  async rememberEngine(version: string): Promise<void> {
    await writeFile(this.#engine, `${version}\n`, { mode: 0o600 })
  }

  /** Where a dump that is made now goes. */
  async newDump(reason: DumpReason): Promise<string> {
    await mkdir(this.dumps, { recursive: true, mode: 0o700 })
    return join(this.dumps, dumpName(new Date(), reason))
  }

  /** Where the cluster can be copied to. */
  newCopy(): string {
    return join(this.dumps, `${COPY_PREFIX}${randomUUID()}`)
  }

  async release(): Promise<void> {
    await this.#lock.release()
  }
}

/** Where the dumps of a data directory are. */
export const dumpsFolder = (path: string): string => join(path, 'dumps')
