import { fileURLToPath } from 'node:url'

/** How the scripted server behaves, besides what its tools do. */
export interface StdioServerOptions {
  /** What it speaks. Default `legacy`. */
  readonly era?: 'legacy' | 'modern' | 'dual' | undefined
  /** Reads its input only after so long. */
  readonly startDelayMs?: number | undefined
  /** Ends at once, with that exit code. */
  readonly exitAtStart?: number | undefined
  /** Ends when it is asked `server/discover` before it was initialised, as some servers do. */
  readonly exitOnDiscover?: boolean | undefined
  /** Says nothing to `server/discover`. */
  readonly ignoreDiscover?: boolean | undefined
  /** Reads, and says nothing to anything. */
  readonly neverAnswer?: boolean | undefined
  /** Never reads its input. */
  readonly neverRead?: boolean | undefined
  /** Ends neither at SIGTERM nor with its input. */
  readonly ignoreTerm?: boolean | undefined
  /** Asks its client for roots as soon as that is ready. */
  readonly askRootsAtStart?: boolean | undefined
  /** Lines that it writes to standard error first. */
  readonly stderr?: readonly string[] | undefined
  /** Lines that it writes to standard output first. */
  readonly stdoutGarbage?: readonly string[] | undefined
  /** Processes that it starts: `plain`, or words of `detached` (a process group of its own), `stubborn` (ignores SIGTERM), `inherit`. */
  readonly grandchildren?: readonly string[] | undefined
}

/** A command, as it is registered. */
export interface StdioServerCommand {
  readonly command: string
  readonly args: readonly string[]
}

const script = fileURLToPath(new URL('stdio-server-main.ts', import.meta.url))

/**
 * The command that runs a scripted MCP server over standard input and output. Its tools are `echo`, `wait`, `untilCancelled`,
 * `progress`, `crash`, `kill`, `garbage`, `flood`, `large`, `malformed`, `ask`, `askLater`, `say`, `stopReading`,
 * `grandchild`, `environment` and `about`.
 */
export function stdioServer(options: StdioServerOptions = {}): StdioServerCommand {
  const { stderr = [], stdoutGarbage = [], grandchildren = [] } = options
  const flags = {
    'exit-on-discover': options.exitOnDiscover,
    'ignore-discover': options.ignoreDiscover,
    'never-answer': options.neverAnswer,
    'never-read': options.neverRead,
    'ignore-term': options.ignoreTerm,
    'ask-roots-at-start': options.askRootsAtStart,
  }
  return {
    command: process.execPath,
    args: [
      '--no-warnings',
      script,
      ...(options.era === undefined ? [] : [`--era=${options.era}`]),
      ...(options.startDelayMs === undefined ? [] : [`--start-delay-ms=${options.startDelayMs}`]),
      ...(options.exitAtStart === undefined ? [] : [`--exit-at-start=${options.exitAtStart}`]),
      ...Object.entries(flags).flatMap(([flag, isSet]) => (isSet === true ? [`--${flag}`] : [])),
      ...stderr.map((line) => `--stderr=${line}`),
      ...stdoutGarbage.map((line) => `--stdout-garbage=${line}`),
      ...grandchildren.map((kind) => `--grandchild=${kind}`),
    ],
  }
}
