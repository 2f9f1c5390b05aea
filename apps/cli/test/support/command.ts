import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The built program, as its users run it. */
export const builtProgram = fileURLToPath(new URL('../../dist/mreg.js', import.meta.url))

/** What a command did. */
export interface CommandEnd {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  /** The whole environment, besides PATH. */
  readonly environment: Readonly<Record<string, string>>
  readonly workingDirectory?: string
  /** What is typed, or piped in. */
  readonly input?: string
  /** How long it may take. Default a minute. */
  readonly timeoutMs?: number
}

/** Runs `mreg`, as it was built last, until it ends. */
export const runCommand = (args: readonly string[], options: CommandOptions): Promise<CommandEnd> =>
  runProgram(process.execPath, [builtProgram, ...args], options)

/** Runs a program until it ends. One that takes too long is ended, with the exit code -1. */
export const runProgram = (
  program: string,
  args: readonly string[],
  { environment, workingDirectory, input = '', timeoutMs = 60_000 }: CommandOptions,
): Promise<CommandEnd> =>
  new Promise((resolve) => {
    const child = execFile(
      program,
      [...args],
      {
        env: { PATH: process.env['PATH'], ...environment },
        cwd: workingDirectory ?? tmpdir(),
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: 16 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ code, stdout, stderr })
      },
    )
    // One that ends without reading what it is told is no fault of the test.
    child.stdin?.on('error', () => undefined).end(input)
  })

/** A directory that is gone at the end of the test. */
export const temporaryDirectory = async (): Promise<{ path: string } & AsyncDisposable> => {
  const path = await mkdtemp(join(tmpdir(), 'mreg-cli-'))
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }),
  }
}
