import { pathToFileURL } from 'node:url'

import { userDataDirectory } from './gateway-client/data-directories.ts'
import { isInstalled, programFile, type ProgramName } from './program-files.ts'

/**
 * Runs one of the programs that come with the command line, in this process. Fulfils when it has ended; `process.exitCode`
 * says how.
 *
 * @param environment what the command line was given; the data directory in it is a full path.
 */
export const runProgram = async (
  name: ProgramName,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> => {
  // These are the command line's own; the program would take them for misspelt settings.
  delete process.env['MREG_URL']
  delete process.env['MREG_KEY']
  const dataDirectory =
    environment['MREG_DATA_DIR'] ?? (isInstalled() ? userDataDirectory(environment) : undefined)
  if (dataDirectory !== undefined) process.env['MREG_DATA_DIR'] = dataDirectory
  await import(pathToFileURL(programFile(name)).href)
}
