import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** Where the system keeps the data of a user's programs. The gateway uses it unless it is told otherwise. */
export const userDataDirectory = (
  environment: Environment,
  platform: NodeJS.Platform = process.platform,
): string => {
  const home = (platform === 'win32' ? environment['USERPROFILE'] : environment['HOME']) ?? homedir()
  if (platform === 'win32') return join(environment['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'mreg')
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'mreg')
  return join(environment['XDG_DATA_HOME'] ?? join(home, '.local', 'share'), 'mreg')
}

/** Where a gateway of this machine may have left word of itself, the likeliest first. */
export const dataDirectories = (environment: Environment, workingDirectory: string): string[] => {
  const given = environment['MREG_DATA_DIR']?.trim()
  if (given !== undefined && given !== '') return [resolve(workingDirectory, given)]
  return [userDataDirectory(environment), ...aboveOf(workingDirectory)]
}

/** `.mreg` in the working directory and in those above it, where there is one. */
const aboveOf = (workingDirectory: string): string[] => {
  const found: string[] = []
  for (let directory = resolve(workingDirectory); ; directory = dirname(directory)) {
    const candidate = join(directory, '.mreg')
    if (statSync(candidate, { throwIfNoEntry: false })?.isDirectory() === true) found.push(candidate)
    if (dirname(directory) === directory) return found
  }
}
