import { MregError, SettingsError } from '@mreg/core'

/** Ends the start: one line for each thing that is wrong, and an exit code that is not 0. */
export const fail = (error: unknown): void => {
  const lines = SettingsError.is(error)
    ? error.faults.map(({ setting, message }) => `${setting} ${message}`)
    : [
        MregError.is(error) || isDatabaseError(error)
          ? error.message
          : `unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      ]
  for (const line of lines) process.stderr.write(`mreg: ${line}\n`)
  process.exitCode = 1
}

/** The pool's own errors say what to do, without a password. */
const isDatabaseError = (error: unknown): error is Error =>
  error instanceof Error &&
  'code' in error &&
  typeof error.code === 'string' &&
  error.code.startsWith('ERR_DATABASE')
