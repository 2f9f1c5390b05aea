import { closeSync, openSync, readSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import type { PGlite } from '@electric-sql/pglite'

import { isSound, PAGE_BYTES } from './page-checksum.ts'

/** Pages that are read at once. */
const PAGES_AT_ONCE = 128
/** PostgreSQL begins another file of a relation after so many pages: 1 GB. */
const PAGES_PER_FILE = 131_072

/**
 * Reads every table and index of an opened cluster. PostgreSQL itself notices a damaged page only when it needs
 * it, which may be weeks later, when the last good dump is gone.
 *
 * @throws {Error} a file is missing, or a page is not as it was written.
 */
export const verifyCluster = async (pglite: PGlite, directory: string): Promise<void> => {
  const { rows } = await pglite.query<{ path: string; checksums: boolean }>(
    `select pg_relation_filepath(oid) as path, current_setting('data_checksums')::boolean as checksums
       from pg_class where pg_relation_filenode(oid) is not null and relpersistence = 'p'`,
  )
  const present = new Map<string, readonly string[]>()
  for (const { path, checksums } of rows) {
    const [folder = '', name = ''] = splitPath(path)
    let files = present.get(folder)
    if (files === undefined) {
      files = await readdir(join(directory, folder))
      present.set(folder, files)
    }
    if (!files.includes(name)) {
      throw new Error(`the file ${path} is missing`)
    }
    if (checksums) {
      verifyRelation(directory, folder, name, files)
    }
  }
}

const splitPath = (path: string): readonly string[] => {
  const slash = path.lastIndexOf('/')
  return [path.slice(0, slash), path.slice(slash + 1)]
}

const verifyRelation = (
  directory: string,
  folder: string,
  name: string,
  present: readonly string[],
): void => {
  verifyFile(directory, `${folder}/${name}`, 0)
  for (let part = 1; present.includes(`${name}.${part}`); part += 1) {
    verifyFile(directory, `${folder}/${name}.${part}`, part * PAGES_PER_FILE)
  }
}

const buffer = new Uint8Array(PAGES_AT_ONCE * PAGE_BYTES)

// Synchronous: nothing else runs in this thread before the database is open, and there are many small files.
const verifyFile = (directory: string, path: string, firstBlock: number): void => {
  const file = openSync(join(directory, path), 'r')
  try {
    let block = firstBlock
    for (;;) {
      const length = readSync(file, buffer)
      if (length === 0) {
        return
      }
      // The rest of a page at the end is what a process left that was killed while it made the file longer.
      for (let offset = 0; offset + PAGE_BYTES <= length; offset += PAGE_BYTES, block += 1) {
        if (!isSound(new Uint32Array(buffer.buffer, offset, PAGE_BYTES / 4), block)) {
          throw new Error(`page ${block} of the file ${path} is damaged`)
        }
      }
    }
  } finally {
    closeSync(file)
  }
}
