import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The version of PGlite that this program uses; undefined when its package does not say. */
export const engineVersion = async (): Promise<string | undefined> => {
  try {
    const main = createRequire(import.meta.url).resolve('@electric-sql/pglite')
    const manifest: unknown = JSON.parse(await readFile(join(dirname(main), '..', 'package.json'), 'utf8'))
    return typeof manifest === 'object' && manifest !== null && 'version' in manifest
      ? String(manifest.version)
      : undefined
  } catch {
    return undefined
  }
}
