import { randomUUID } from 'node:crypto'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Puts `bytes` into a file, whole or not at all, with the permissions that it has; a new one only its owner reads. */
export const writeWhole = async (path: string, bytes: Uint8Array | string): Promise<void> => {
  const mode = await stat(path).then(
    (present) => present.mode & 0o777,
    () => 0o600,
  )
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${randomUUID()}`
  try {
    const file = await open(draft, 'wx', mode)
    try {
      await file.chmod(mode)
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
}
