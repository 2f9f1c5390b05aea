import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'

import { type JSONPath, parseTree, findNodeAtLocation, getNodeValue } from 'jsonc-parser'
import * as z from 'zod'

import { CommandFailure } from '../command-failure.ts'
import { editConfig } from './edit-config.ts'
import { writeWhole } from './write-whole.ts'

const noteSchema = z.object({
  /** Whether there was a file at all. */
  existed: z.boolean(),
  /** SHA-256 of what was written last. */
  digest: z.string(),
  /** Somebody else has changed the file between two writes of ours. */
  mixed: z.boolean(),
  /** The places that were changed. */
  paths: z.array(z.array(z.union([z.string(), z.number()]))),
})

type Note = z.infer<typeof noteSchema>

/** How a file was put back. */
export type Restored =
  /** As it was, byte for byte. */
  | 'bytes'
  /** Only our servers: somebody else has changed the file since. */
  | 'servers'
  /** It is gone again: there was none before. */
  | 'removed'

/** Keeps the file of a client as it was before the first change, beside it, until that is undone. */
export class ConfigBackup {
  readonly #file: string

  /** @param file its real path, without symbolic links. */
  constructor(file: string) {
    this.#file = file
  }

  /** Where the file is kept as it was. */
  get path(): string {
    return `${this.#file}.mreg-backup`
  }

  /**
   * Writes `text` into the file, after keeping what was there.
   *
   * @param paths the places that differ.
   * @param before the bytes of the file; undefined when there is none yet.
   */
  async write(text: string, paths: readonly JSONPath[], before: Buffer | undefined): Promise<void> {
    const note = await this.#readNote()
    const bytes = Buffer.from(hasByteOrderMark(before) ? `\uFEFF${text}` : text)
    if (note === undefined && before !== undefined) await writeWhole(this.path, before)
    await this.#writeNote({
      existed: note?.existed ?? before !== undefined,
      digest: digestOf(bytes),
      mixed: note !== undefined && (note.mixed || before === undefined || digestOf(before) !== note.digest),
      paths: [...(note?.paths ?? []), ...paths.map((path) => [...path])],
    })
    await writeWhole(this.#file, bytes)
  }

  /**
   * Puts the file back as it was before the first change.
   *
   * @throws {CommandFailure} `nothing_to_undo`.
   */
  async undo(): Promise<Restored> {
    const note = await this.#readNote()
    if (note === undefined) {
      throw new CommandFailure(
        'nothing_to_undo',
        `${this.#file} was not changed by mreg, or that is undone already`,
      )
    }
    const present = await readOrNothing(this.#file)
    const before = await readOrNothing(this.path)
    const untouched = present === undefined || (!note.mixed && digestOf(present) === note.digest)
    const restored = untouched
      ? await this.#restoreBytes(note, before)
      : await this.#restoreServers(note, present, before)
    await rm(this.path, { force: true })
    await rm(this.#notePath, { force: true })
    return restored
  }

  async #restoreBytes({ existed }: Note, before: Buffer | undefined): Promise<Restored> {
    if (!existed) {
      await rm(this.#file, { force: true })
      return 'removed'
    }
    if (before === undefined) throw new CommandFailure('backup_missing', `the backup ${this.path} is gone`)
    await writeWhole(this.#file, before)
    return 'bytes'
  }

  async #restoreServers({ paths }: Note, present: Buffer, before: Buffer | undefined): Promise<Restored> {
    const root = parseTree(textOf(before ?? Buffer.from('{}')), [], { allowTrailingComma: true })
    const changes = paths.map((path) => {
      const node = root === undefined ? undefined : findNodeAtLocation(root, path)
      const value: unknown = node === undefined ? undefined : getNodeValue(node)
      return { path, value }
    })
    const text = editConfig(textOf(present), changes)
    await writeWhole(this.#file, hasByteOrderMark(present) ? `\uFEFF${text}` : text)
    return 'servers'
  }

  get #notePath(): string {
    return `${this.path}.json`
  }

  async #readNote(): Promise<Note | undefined> {
    const bytes = await readOrNothing(this.#notePath)
    if (bytes === undefined) return undefined
    try {
      return noteSchema.parse(JSON.parse(bytes.toString('utf8')))
    } catch (error) {
      throw new CommandFailure('backup_unreadable', `${this.#notePath} is damaged`, {
        cause: error,
        hints: [`What the file held before is in ${this.path}; copy it back by hand.`],
      })
    }
  }

  async #writeNote(note: Note): Promise<void> {
    await writeWhole(this.#notePath, `${JSON.stringify(note, null, 2)}\n`)
  }
}

const readOrNothing = async (path: string): Promise<Buffer | undefined> => {
  try {
    return await readFile(path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const hasByteOrderMark = (bytes: Buffer | undefined): boolean =>
  bytes !== undefined && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
const textOf = (bytes: Buffer): string => bytes.toString('utf8').replace(/^\uFEFF/u, '')
