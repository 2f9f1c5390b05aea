import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { SnapshotPlace } from './snapshot-place.ts'

/** A file that is larger is not ours. */
const MAX_FILE_BYTES = 268_435_456
const SUFFIX = '.snapshot'
/** Says that whoever wrote last ended in order, so that nothing is missing in what is here. */
const COMPLETE = 'complete'

/** Snapshots as files that only their owner can read. One process at a time. */
export class SnapshotDirectory implements SnapshotPlace {
  readonly name = 'disk'
  readonly #path: string
  #isTidy = false

  /** @param path of the directory, which is made when it is first needed. */
  constructor(path: string) {
    this.#path = path
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    const file = this.#fileOf(name)
    try {
      const { size } = await stat(file)
      return size > MAX_FILE_BYTES ? undefined : await readFile(file)
    } catch {
      return undefined
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const file = this.#fileOf(name)
    const draft = `${file}.${randomUUID()}`
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
    await this.#tidy()
    try {
      await writeThrough(draft, bytes)
      await rename(draft, file)
      await syncDirectory(this.#path)
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
  }

  async remove(name: string): Promise<void> {
    await rm(this.#fileOf(name), { force: true })
  }

  /** Says that nothing is missing here: the last thing that a process does. */
  async markComplete(): Promise<void> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
    await writeThrough(join(this.#path, COMPLETE), new Uint8Array(0))
  }

  /** Whether nothing is missing here. What comes now is missing, until it is said again. */
  async takeComplete(): Promise<boolean> {
    try {
      await rm(join(this.#path, COMPLETE))
      return true
    } catch {
      return false
    }
  }

  /** Removes what processes left that were killed while they wrote. */
  async #tidy(): Promise<void> {
    if (this.#isTidy) return
    this.#isTidy = true
    const drafts = (await readdir(this.#path)).filter((file) => file.includes(`${SUFFIX}.`))
    for (const draft of drafts) await rm(join(this.#path, draft), { force: true })
  }

  #fileOf(name: string): string {
    return join(this.#path, fileName(name))
  }
}

/** Of a length that every file system takes, whatever the name. */
const fileName = (name: string): string =>
  `${createHash('sha256').update(name).digest('hex').slice(0, 32)}${SUFFIX}`

const writeThrough = async (path: string, bytes: Uint8Array): Promise<void> => {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Without it, a rename may be lost with the power. Not every system lets a directory be opened. */
const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r').catch(() => undefined)
  try {
    await directory?.sync()
  } catch {
    // Windows.
  } finally {
    await directory?.close()
  }
}
