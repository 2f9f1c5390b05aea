import { randomBytes, randomUUID } from 'node:crypto'
import { constants, copyFile, link, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { ConfigurationError } from '@mreg/core'

/** The keys that a gateway works with. */
export interface GatewayKeys {
  readonly adminKey: string
  /** Newest first. */
  readonly secretKeys: readonly string[]
}

export interface LoadKeysOptions {
  readonly dataDirectory: string
  /** undefined: `admin.key` in the data directory, generated at first. */
  readonly adminKey: string | undefined
  /** undefined: `secret.key` in the data directory, generated at first. */
  readonly secretKeys: readonly string[] | undefined
}

/**
 * The keys from the settings, or else from the data directory, where they are generated when missing:
 * 256 random bits each, in files that only their owner can read.
 *
 * @throws {ConfigurationError} `key_file_unreadable`, `key_file_unwritable` or `key_file_empty`.
 */
export const loadKeys = async (options: LoadKeysOptions): Promise<GatewayKeys> => ({
  adminKey:
    options.adminKey ?? (await readOrGenerate(join(options.dataDirectory, 'admin.key'), 'mreg_admin_')),
  secretKeys:
    options.secretKeys ??
    (await readOrGenerate(join(options.dataDirectory, 'secret.key'), ''))
      .split(/[\s,]+/u)
      .filter((key) => key !== ''),
})

/** The key at `path`; when there is none, it is made. Processes that come at once all get the same. */
const readOrGenerate = async (path: string, prefix: string): Promise<string> => {
  const present = await readKey(path)
  if (present !== undefined) return present
  await generateKey(path, prefix)
  const made = await readKey(path)
  if (made !== undefined) return made
  throw new ConfigurationError('key_file_unreadable', `the key file ${path} vanished while it was being made`)
}

/** undefined: there is no such file. */
const readKey = async (path: string): Promise<string | undefined> => {
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new ConfigurationError(
      'key_file_unreadable',
      `cannot read the key file ${path}: ${String(error)}`,
      { cause: error },
    )
  }
  const key = content.trim()
  if (key !== '') return key
  throw new ConfigurationError(
    'key_file_empty',
    `the key file ${path} is empty; restore it, or delete it to get a new key`,
  )
}

/** Puts a new key at `path`, whole or not at all, and never over one that is there already. */
const generateKey = async (path: string, prefix: string): Promise<void> => {
  const draft = `${path}.${randomUUID()}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${prefix}${randomBytes(32).toString('base64url')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await publish(draft, path)
  } catch (error) {
    // Somebody else was faster; theirs it is.
    if (codeOf(error) === 'EEXIST') return
    throw new ConfigurationError(
      'key_file_unwritable',
      `cannot write the key file ${path}: ${String(error)}`,
      { cause: error },
    )
  } finally {
    await rm(draft, { force: true }).catch(() => {})
  }
}

const publish = async (draft: string, path: string): Promise<void> => {
  try {
    await link(draft, path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw error
    // A file system without hard links: a copy is as exclusive, though not at once complete.
    await copyFile(draft, path, constants.COPYFILE_EXCL)
  }
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined
