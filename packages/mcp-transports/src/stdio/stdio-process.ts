import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

import { UpstreamTransportError } from '../upstream-transport-error.ts'
import { type ChildGuard, MARKER_NAME } from './child-guard.ts'
import { InputQueue } from './input-queue.ts'
import { LineReader } from './line-reader.ts'
import { hasProcessGroups, markedProcesses, signalGroup, signalProcess } from './process-group.ts'
import { TextTail } from './text-tail.ts'

/** How a process is run. */
export interface StdioCommand {
  /** The executable: a path, or a name that is looked up in the PATH of `environment`. No shell is involved. */
  readonly command: string
  /** Its arguments, exactly. */
  readonly args: readonly string[]
  /** Its working directory. undefined: that of this process. */
  readonly cwd?: string | undefined
  /** Its whole environment; see `childEnvironment`. */
  readonly environment: Readonly<Record<string, string>>
}

/** How a process ended. */
export interface StdioExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Why it never ran; undefined when it did. */
  readonly startError: NodeJS.ErrnoException | undefined
}

export interface StdioProcessOptions {
  readonly command: StdioCommand
  readonly guard: ChildGuard
  readonly maxLineBytes: number
  readonly maxWaitingBytes: number
  readonly writeTimeoutMs: number
  /** Between the request to end and the end by force, in milliseconds. */
  readonly stopGraceMs: number
  /** Values that are blotted out of what the process writes to its standard error. */
  readonly secrets: readonly string[]
  readonly onLine: (line: Uint8Array) => void
  readonly onOversizedLine: (id: number | undefined, lengthBytes: number) => void
  readonly onErrorOutput: () => void
}

/** How many lines of standard error are kept. */
const KEPT_LINES = 50
/** How long after the end of a process its last output is awaited; a descendant may hold the pipe open for ever. */
const LAST_OUTPUT_MS = 250
/** How long a process has to end by itself once its input has ended, before it is told to. */
const INPUT_END_MS = 250
/** How long KILL may take to be felt. What is still listed then has ended, and is only not yet waited for by its parent. */
const KILL_MS = 250
const POLL_MS = 25

/**
 * A child process that takes and gives lines, and whatever it starts. It is the leader of a process group of its own; when
 * it ends, however that comes, its group ends with it.
 */
export class StdioProcess {
  readonly #options: StdioProcessOptions
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #input: InputQueue
  readonly #errorOutput: TextTail
  readonly #mark: string
  readonly #letGo: () => void
  #stopping: Promise<void> | undefined
  #isOver = false
  /** Fulfils when the process has ended and its last output has been read. Never rejects. */
  readonly exited: Promise<StdioExit>

  /** @throws {UpstreamTransportError} `start_failed` when the command is not one that can be run at all. */
  constructor(options: StdioProcessOptions) {
    this.#options = options
    const { command, guard } = options
    this.#mark = `${MARKER_NAME}=${guard.nextMark()}`
    this.#errorOutput = new TextTail({ maxLines: KEPT_LINES, secrets: options.secrets })
    guard.prepare()
    this.#child = this.#spawn(command)
    const { pid, stdin, stdout, stderr } = this.#child
    this.#letGo = pid !== undefined && hasProcessGroups ? guard.add(pid) : () => {}
    this.#input = new InputQueue(stdin, {
      maxWaitingBytes: options.maxWaitingBytes,
      timeoutMs: options.writeTimeoutMs,
    })
    // A closed pipe is no news: the end of the process is what counts, and a process without input is of no use.
    stdin.on('error', () => void this.stop())
    const lines = new LineReader(options)
    stdout.on('data', (chunk: Buffer) => lines.push(chunk))
    stdout.on('error', () => {})
    // One that says nothing any more is of no use either.
    stdout.once('end', () => void this.stop())
    stderr.on('data', (chunk: Buffer) => {
      this.#errorOutput.push(chunk)
      options.onErrorOutput()
    })
    stderr.on('error', () => {})
    this.exited = this.#untilOver(lines)
  }

  /** undefined: it never started. */
  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Whether it has ended, or never started. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** The last lines that it wrote to its standard error, oldest first. */
  get errorLines(): readonly string[] {
    return this.#errorOutput.lines
  }

  /** @throws {UpstreamTransportError} as {@link InputQueue.write} does, and `process_exited`. */
  write(message: Uint8Array): Promise<void> {
    return this.#input.write(message)
  }

  /**
   * Ends the process and everything that it has started: end of input, then TERM, then, after the grace, KILL, to the whole
   * group. Resolves when nothing is left. Idempotent, and harmless when it has ended.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  #spawn({
    command,
    args,
    cwd,
    environment,
  }: StdioCommand): ChildProcessByStdio<Writable, Readable, Readable> {
    try {
      return spawn(command, [...args], {
        cwd,
        env: { ...environment, [MARKER_NAME]: this.#mark.slice(MARKER_NAME.length + 1) },
        stdio: ['pipe', 'pipe', 'pipe'],
        shell: false,
        detached: hasProcessGroups,
        windowsHide: true,
      })
    } catch (error) {
      throw new UpstreamTransportError(`${command} cannot be run`, {
        reason: 'start_failed',
        requestSent: false,
        cause: error,
      })
    }
  }

  async #untilOver(lines: LineReader): Promise<StdioExit> {
    const exit = await this.#untilExit()
    // From now on it takes nothing, though it may have said something that has not been read yet.
    this.#isOver = true
    this.#input.close(
      new UpstreamTransportError('the process has ended', { reason: 'process_exited', requestSent: true }),
    )
    const { stdout, stderr } = this.#child
    if (exit.startError === undefined) {
      await Promise.race([
        Promise.all([untilClosed(stdout), untilClosed(stderr)]),
        delay(LAST_OUTPUT_MS, undefined, { ref: false }),
      ])
    }
    stdout.destroy()
    stderr.destroy()
    lines.end()
    // What it has started goes with it.
    void this.stop()
    return exit
  }

  #untilExit(): Promise<StdioExit> {
    return new Promise((resolve) => {
      this.#child.once('error', (startError: NodeJS.ErrnoException) => {
        // Also raised when a signal cannot be sent; then the process runs.
        if (this.#child.pid === undefined) resolve({ code: null, signal: null, startError })
      })
      this.#child.once('exit', (code, signal) => resolve({ code, signal, startError: undefined }))
    })
  }

  async #stop(): Promise<void> {
    const { pid, stdin } = this.#child
    if (pid === undefined) return
    stdin.end()
    if (!hasProcessGroups) return this.#stopOnWindows(pid)
    try {
      await this.#untilGroupEnds(pid, this.#isOver ? 0 : INPUT_END_MS)
      const strays = await markedProcesses(this.#mark)
      if (!isAlive(pid, strays)) return
      tellAll(pid, strays, 'SIGTERM')
      await this.#untilGroupEnds(pid, this.#options.stopGraceMs, strays)
      const left = await markedProcesses(this.#mark)
      tellAll(pid, left, 'SIGKILL')
      await this.#untilGroupEnds(pid, KILL_MS, left)
    } finally {
      this.#letGo()
      stdin.destroy()
    }
  }

  async #untilGroupEnds(groupId: number, timeoutMs: number, strays: readonly number[] = []): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (isAlive(groupId, strays) && performance.now() < deadline) await delay(POLL_MS)
  }

  /** Windows has no groups and no signals: the tree is ended by its own tool. */
  async #stopOnWindows(pid: number): Promise<void> {
    await Promise.race([this.exited, delay(INPUT_END_MS)])
    if (this.#isOver) return
    const killer = spawn('taskkill', ['/pid', String(pid), '/T', '/F'], {
      stdio: 'ignore',
      windowsHide: true,
    })
    await new Promise((resolve) => {
      killer.once('error', resolve)
      killer.once('exit', resolve)
    })
  }
}

const isAlive = (groupId: number, strays: readonly number[]): boolean =>
  signalGroup(groupId, 0) || strays.some((pid) => signalProcess(pid, 0))

const tellAll = (groupId: number, strays: readonly number[], signal: NodeJS.Signals): void => {
  signalGroup(groupId, signal)
  for (const pid of strays) signalProcess(pid, signal)
}

const untilClosed = (stream: Readable): Promise<void> =>
  new Promise((resolve) => {
    if (stream.closed) resolve()
    else stream.once('close', () => resolve())
  })

/** Why a command could not be run, in words for a person. */
export const startFaultOf = async (command: StdioCommand, error: NodeJS.ErrnoException): Promise<string> => {
  if (error.code === 'EACCES') return `${command.command} is not an executable, or may not be run`
  if (error.code !== 'ENOENT') return `${command.command} cannot be run (${error.code ?? error.message})`
  const { cwd } = command
  if (cwd !== undefined && !(await isDirectory(cwd))) return `the working directory ${cwd} does not exist`
  return `the command ${command.command} was not found`
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
