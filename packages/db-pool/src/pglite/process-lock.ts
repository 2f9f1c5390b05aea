import { readFileSync } from 'node:fs'
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises'

import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'

/** Paths that this process has locked: its own id in a lock file proves nothing when ids are used again. */
const held = new Set<string>()

/** How long a lock file may be empty because its process is about to write it, in milliseconds. */
const WRITING_MS = 5_000

/**
 * A lock file that names its process. PGlite takes no lock: two processes that open one directory destroy it.
 * A lock whose process has ended, however it ended, is taken over. Processes that cannot see each other (in
 * containers that share a volume) are not kept apart.
 */
export class ProcessLock {
  readonly #path: string
  #released = false

  private constructor(path: string) {
    this.#path = path
  }

  /** @throws {DatabaseUnavailableError} reason `directory`: another process, or this one, has it. */
  static async take(path: string): Promise<ProcessLock> {
    const mine = `${process.pid} ${startOf(process.pid) ?? ''}\n`
    // A lock that was left behind has to be removed first, and somebody else may then be quicker.
    for (let attempt = 0; attempt < 3 && !held.has(path); attempt += 1) {
      // oxlint-disable-next-line no-await-in-loop -- each attempt depends on the one before
      if (await hold(path, mine)) {
        return new ProcessLock(path)
      }
      // oxlint-disable-next-line no-await-in-loop
      if (!(await removeAbandoned(path))) {
        break
      }
    }
    const owner = (await readFile(path, 'utf8').catch(() => '')).split(' ')[0] ?? ''
    const message = `the data directory is in use by process ${owner}: stop that one, or choose another directory (lock file ${path})`
    throw new DatabaseUnavailableError('directory', message)
  }

  async release(): Promise<void> {
    if (!this.#released) {
      this.#released = true
      await rm(this.#path, { force: true })
      held.delete(this.#path)
    }
  }
}

/** Marks the path before the file is there, so that this process never takes its own new file for an old one. */
const hold = async (path: string, content: string): Promise<boolean> => {
  held.add(path)
  let created = false
  try {
    created = await createFile(path, content)
  } finally {
    if (!created) {
      held.delete(path)
    }
  }
  return created
}

const createFile = async (path: string, content: string): Promise<boolean> => {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(content)
    } finally {
      await file.close()
    }
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      return false
    }
    throw error
  }
}

/** Whether the lock is gone now, because its process is. Of several who try, one moves the file away. */
const removeAbandoned = async (path: string): Promise<boolean> => {
  const owner = await readFile(path, 'utf8').catch(() => undefined)
  if (owner === undefined) {
    return true
  }
  if (await isAlive(owner, path)) {
    return false
  }
  const aside = `${path}.${process.pid}`
  try {
    await rename(path, aside)
  } catch {
    return true
  }
  const abandoned = (await readFile(aside, 'utf8').catch(() => '')) === owner
  if (!abandoned) {
    // Between the look and the move, somebody else had taken it over: give it back.
    await link(aside, path).catch(() => {})
  }
  await rm(aside, { force: true })
  return abandoned
}

const isAlive = async (owner: string, path: string): Promise<boolean> => {
  if (!owner.endsWith('\n')) {
    const { mtimeMs } = await stat(path)
    return Date.now() - mtimeMs < WRITING_MS
  }
  const [id = '', start = ''] = owner.trim().split(' ')
  const pid = Number(id)
  if (!exists(pid)) {
    return false
  }
  if (hasEnded(pid)) {
    return false
  }
  const now = startOf(pid)
  return start === '' || now === undefined ? pid !== process.pid : start === now
}

const exists = (pid: number): boolean => {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Whether a process has ended and only waits for its parent to ask how; false where /proc does not say. */
const hasEnded = (pid: number): boolean => /^[ZX]$/u.test(statusOf(pid)[0] ?? '')

/** When a process was started, in ticks since the machine was, with the machine's boot; undefined where /proc does not say. */
const startOf = (pid: number): string | undefined => {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const ticks = statusOf(pid)[19]
    return ticks === undefined ? undefined : `${boot}:${ticks}`
  } catch {
    return undefined
  }
}

/** What /proc says of a process, from field 3 (its state) on; field 22 is its start. Empty where it says nothing. */
const statusOf = (pid: number): readonly string[] => {
  try {
    // The name in parentheses may hold spaces, so count from the last parenthesis.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  } catch {
    return []
  }
}
