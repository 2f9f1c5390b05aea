import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { commandLineFile } from '../program-files.ts'

/** A gateway that was started to go on without whoever started it. */
export interface StartedGateway {
  /** How it ended; undefined while it runs. */
  readonly end: string | undefined
  /** Where it writes what it has to say. */
  readonly logFile: string
}

const LOG_TAIL_CHARACTERS = 2000

/** Starts `mreg serve` for a data directory, apart from this process and its terminal. */
export const startGateway = (
  dataDirectory: string,
  environment: Readonly<Record<string, string | undefined>>,
): StartedGateway => {
  const logFile = join(dataDirectory, 'gateway.log')
  if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`)
  const log = openSync(logFile, 'w', 0o600)
  const child = spawn(process.execPath, [...process.execArgv, commandLineFile(), 'serve'], {
    detached: true,
    stdio: ['ignore', log, log],
    // Not the directory of a project: that could then neither be unmounted nor, on some systems, removed.
    cwd: homedir(),
    // It must not end with the npx that we may have been run by.
    env: { MREG_LOG_LEVEL: 'warn', ...environment, npm_command: undefined, MREG_DATA_DIR: dataDirectory },
    windowsHide: true,
  })
  child.unref()
  closeSync(log)
  let failure: string | undefined
  child.once('error', (error) => (failure = error.message))
  return {
    logFile,
    get end() {
      return failure ?? endOf(child, logFile)
    },
  }
}

const endOf = (child: ChildProcess, logFile: string): string | undefined => {
  if (child.exitCode === null && child.signalCode === null) return undefined
  const said = readFileSync(logFile, 'utf8').slice(-LOG_TAIL_CHARACTERS).trim()
  return said === '' ? `it ended with ${child.signalCode ?? `exit code ${child.exitCode}`}` : said
}
