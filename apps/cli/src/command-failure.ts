import { EXIT_CODE, type ExitCode } from './exit-code.ts'

export interface CommandFailureOptions extends ErrorOptions {
  /** Default: `EXIT_CODE.failed`. */
  readonly exitCode?: ExitCode | undefined
  /** What to do about it, one line each. */
  readonly hints?: readonly string[] | undefined
}

const brand = Symbol.for('mreg/CommandFailure')

/**
 * A command did not do what it was asked for. `message` says what is wrong, {@link CommandFailure.hints} what to do;
 * neither holds a secret.
 */
export class CommandFailure extends Error {
  readonly [brand] = true
  /** Stable, in `snake_case`; shown with `--json`. */
  readonly code: string
  readonly exitCode: ExitCode
  readonly hints: readonly string[]

  constructor(code: string, message: string, options: CommandFailureOptions = {}) {
    super(message, options)
    this.name = new.target.name
    this.code = code
    this.exitCode = options.exitCode ?? EXIT_CODE.failed
    this.hints = options.hints ?? []
  }

  static is(error: unknown): error is CommandFailure {
    return typeof error === 'object' && error !== null && brand in error
  }
}

/** The command line is wrong in a way that its parser cannot see. */
export const usageFailure = (message: string, ...hints: string[]): CommandFailure =>
  new CommandFailure('usage', message, { exitCode: EXIT_CODE.usage, hints })
