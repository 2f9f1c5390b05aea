import { spawn, type ChildProcess } from 'node:child_process'

import { guardProcess } from './orphan-guard.ts'

/** How a process ended. Exactly one of the two is not null, unless it never started: then both are. */
export interface ProcessExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** How to start a child. */
export interface ManagedProcessOptions {
  readonly command: string
  readonly arguments?: readonly string[] | undefined
  /** The whole environment of the child. Default: only `PATH` and `HOME` of this process. */
  readonly environment?: NodeJS.ProcessEnv | undefined
  readonly workingDirectory?: string | undefined
  /** Whom to run it as; only root can choose. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
  /** What ends the child if this process dies. Default SIGKILL. */
  readonly orphanSignal?: NodeJS.Signals | undefined
}

/** The most that is kept of each output, from its end. */
const maxOutputCharacters = 512 * 1024

/**
 * A child process whose output is collected and which never outlives this process.
 * It runs in a process group of its own, so that Ctrl-C in the terminal reaches only the one who started it.
 */
export class ManagedProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  #stdout = ''
  #stderr = ''
  #startError: Error | undefined
  /** Resolves when the process has ended and all of its output has been read. Never rejects. */
  readonly exited: Promise<ProcessExit>

  constructor(options: ManagedProcessOptions) {
    const child = spawn(options.command, [...(options.arguments ?? [])], {
      env: options.environment ?? { PATH: process.env['PATH'], HOME: process.env['HOME'] },
      cwd: options.workingDirectory,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...options.user,
    })
    this.#child = child
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-maxOutputCharacters)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-maxOutputCharacters)
    })
    child.on('error', (error) => {
      this.#startError = error
    })
    const unguard = guardProcess(child.pid, options.orphanSignal)
    child.once('exit', unguard)
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code: child.pid === undefined ? null : code, signal }))
    })
  }

  /** Process id; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** True while it has neither ended nor failed to start. */
  get isRunning(): boolean {
    const { pid, exitCode, signalCode } = this.#child
    return pid !== undefined && exitCode === null && signalCode === null
  }

  /** What it wrote to stdout so far, at most the last 512 Ki characters. */
  get stdout(): string {
    return this.#stdout
  }

  /** What it wrote to stderr so far, at most the last 512 Ki characters; why it did not start, if it did not. */
  get stderr(): string {
    return this.#startError === undefined ? this.#stderr : `${this.#stderr}${this.#startError.message}\n`
  }

  /** Sends a signal and does not wait. Without effect on a process that has ended. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Sends `signal`, waits at most `graceMs`, then sends SIGKILL. Returns how it ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 10_000): Promise<ProcessExit> {
    if (this.isRunning) this.signal(signal)
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs)
    try {
      return await this.exited
    } finally {
      clearTimeout(timer)
    }
  }

  /** Ends it at once. */
  async kill(): Promise<ProcessExit> {
    return this.stop('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
