import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** The full path of the executable `name` on `searchPath` (default: the PATH of this process), or undefined. */
export async function findExecutable(
  name: string,
  searchPath: string | undefined = process.env['PATH'],
): Promise<string | undefined> {
  for (const directory of (searchPath ?? '').split(delimiter)) {
    if (directory === '') continue
    const candidate = join(directory, name)
    try {
      await access(candidate, constants.X_OK)
      return candidate
    } catch {
      // not there, or not ours to run: look on
    }
  }
  return undefined
}
