import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'

/** `.mreg` in the repository when run from one, else where the system keeps the data of a user's programs. */
export const defaultDataDirectory = (
  moduleDirectory: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: NodeJS.Platform = process.platform,
): string => {
  const root = repositoryRoot(moduleDirectory)
  if (root !== undefined) return join(root, '.mreg')
  if (platform === 'win32')
    return join(environment['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'mreg')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'mreg')
  return join(environment['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'mreg')
}

/** The repository that this file is run from, if it is: data then stays beside the code. */
const repositoryRoot = (from: string): string | undefined => {
  for (let directory = from; dirname(directory) !== directory; directory = dirname(directory)) {
    if (statSync(join(directory, 'pnpm-workspace.yaml'), { throwIfNoEntry: false })?.isFile() === true)
      return directory
  }
  return undefined
}
