import { randomBytes } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { writeWhole } from '../connect/write-whole.ts'

/** The keys of a gateway: one opens its API, the others seal its secrets. */
export const KEY_NAMES = ['admin', 'secret'] as const

export type KeyName = (typeof KEY_NAMES)[number]

/** What can be said of a key file without showing what is in it. */
export interface KeyFile {
  readonly name: KeyName
  readonly path: string
  /** How many keys it holds; 0 when there is no file, or none that can be read. */
  readonly keys: number
  /** Somebody else than its owner may read it. */
  readonly exposed: boolean
  /** Why it cannot be read; undefined when it can. */
  readonly fault: string | undefined
}

/** Looks at a key file in a data directory. */
export const lookAtKeyFile = async (dataDirectory: string, name: KeyName): Promise<KeyFile> => {
  const path = keyPath(dataDirectory, name)
  try {
    const [text, { mode }] = [await readFile(path, 'utf8'), await stat(path)]
    const exposed = process.platform !== 'win32' && (mode & 0o077) !== 0
    return { name, path, keys: keysIn(text).length, exposed, fault: undefined }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    return {
      name,
      path,
      keys: 0,
      exposed: false,
      fault: code === 'ENOENT' ? 'made at the first start' : `cannot be read (${code})`,
    }
  }
}

/**
 * Puts a new key into place: the administrator's takes the place of the old one; one for secrets goes before those that
 * there are, which still open what they have sealed.
 */
export const renewKey = async (dataDirectory: string, name: KeyName): Promise<KeyFile> => {
  const path = keyPath(dataDirectory, name)
  const random = randomBytes(32).toString('base64url')
  const older = name === 'secret' ? keysIn(await readFile(path, 'utf8').catch(() => '')) : []
  await writeWhole(path, `${name === 'admin' ? `mreg_admin_${random}` : [random, ...older].join(',')}\n`)
  return lookAtKeyFile(dataDirectory, name)
}

const keyPath = (dataDirectory: string, name: KeyName): string => join(dataDirectory, `${name}.key`)
const keysIn = (text: string): string[] => text.split(/[\s,]+/u).filter((key) => key !== '')
