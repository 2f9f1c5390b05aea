import { basename, sep } from 'node:path'

import { isSecretName } from '../output/redact.ts'

/** A text whose variables have been filled in. */
export interface FilledText {
  readonly text: string
  /** A secret went into it. */
  readonly secret: boolean
}

/** The value of an input (`${input:id}`) of a file. */
export interface InputValue {
  readonly value: string
  readonly secret: boolean
}

export interface VariablesOptions {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What `${workspaceFolder}` means. */
  readonly workspace: string
  readonly home: string
  /**
   * Gives the value of an input.
   *
   * @throws {VariableError} when there is none.
   */
  readonly input: (id: string) => Promise<InputValue>
}

/** A variable has no value. The message names it, and says what to do. */
export class VariableError extends Error {
  readonly code = 'ERR_VARIABLE'
  readonly variable: string

  constructor(variable: string, message: string) {
    super(message)
    this.name = 'VariableError'
    this.variable = variable
  }

  static is(error: unknown): error is VariableError {
    return error instanceof Error && 'code' in error && error.code === 'ERR_VARIABLE'
  }
}

/**
 * Fills in what clients write in their files: `${env:X}`, `${X}`, `${X:-fallback}`, `${input:id}`,
 * `${workspaceFolder}`, `${workspaceFolderBasename}`, `${userHome}`, `${pathSeparator}`, `${/}`.
 */
export class Variables {
  readonly #options: VariablesOptions

  constructor(options: VariablesOptions) {
    this.#options = options
  }

  /** @throws {VariableError} for one that has no value. */
  async fill(text: string): Promise<FilledText> {
    let filled = ''
    let secret = false
    let end = 0
    for (const match of text.matchAll(/\$\{([^{}]*)\}/gu)) {
      const value = await this.#valueOf(match[1] ?? '')
      filled += text.slice(end, match.index) + value.text
      secret ||= value.secret
      end = match.index + match[0].length
    }
    return { text: filled + text.slice(end), secret }
  }

  async #valueOf(expression: string): Promise<FilledText> {
    const { home, input, workspace } = this.#options
    switch (expression) {
      case 'workspaceFolder':
        return { text: workspace, secret: false }
      case 'workspaceFolderBasename':
        return { text: basename(workspace), secret: false }
      case 'userHome':
        return { text: home, secret: false }
      case 'pathSeparator':
      case '/':
        return { text: sep, secret: false }
      default:
    }
    if (expression.startsWith('input:')) {
      const { value, secret } = await input(expression.slice('input:'.length))
      return { text: value, secret }
    }
    const [, name, fallback] = /^(?:env:)?([A-Za-z_]\w*)(?::-(.*))?$/su.exec(expression) ?? []
    if (name === undefined) {
      throw new VariableError(expression, `\${${expression}} is a variable that only the client itself knows`)
    }
    const present = this.#options.environment[name]
    const value = present === undefined || present === '' ? (fallback ?? present) : present
    if (value === undefined)
      throw new VariableError(name, `the variable ${name} is not set here; set it, then import again`)
    return { text: value, secret: isSecretName(name) && present !== undefined }
  }
}
