import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { freePort } from '../processes/free-port.ts'
import { ManagedProcess, type ProcessExit } from '../processes/managed-process.ts'
import { waitUntil } from '../processes/wait-until.ts'

/** How to start a built gateway. */
export interface GatewayOptions {
  /** Its data directory (`MREG_DATA_DIR`). Removing it is up to whoever made it. */
  readonly dataDirectory: string
  /** More variables of its environment. It inherits only PATH and HOME. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Port (`MREG_PORT`). Default: a free one. */
  readonly port?: number | undefined
  /** The built program. Default: `apps/gateway/dist/main.js` of this repository. */
  readonly entry?: string | undefined
  /** How long it may take until it is ready. Default 30 s. */
  readonly readyTimeoutMs?: number | undefined
}

/** A gateway that is ready to serve, in a process of its own. */
export interface GatewayProcess extends AsyncDisposable {
  /** Its address without path, such as `http://127.0.0.1:6734`. */
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dataDirectory: string
  /** The administrator's key, from the data directory. */
  readonly adminKey: string
  /** Milliseconds from the start of the process to the first 200 of `/ready`. */
  readonly readyAfterMs: number
  readonly isRunning: boolean
  readonly stdout: string
  readonly stderr: string
  /** Resolves when it has ended, by whatever cause. Never rejects. */
  readonly exited: Promise<ProcessExit>
  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void
  /** Sends SIGTERM, waits at most `graceMs` (default 30 s), then SIGKILL. */
  terminate(graceMs?: number): Promise<ProcessExit>
  /** Ends it with SIGKILL, as a crash of the machine would. */
  kill(): Promise<ProcessExit>
}

/** How a gateway ended that was not meant to start. */
export interface GatewayEnd extends ProcessExit {
  readonly stdout: string
  readonly stderr: string
}

const builtGateway = fileURLToPath(new URL('../../../../apps/gateway/dist/main.js', import.meta.url))

/**
 * Starts a built gateway and waits until it is ready.
 * @throws Error with its outputs when it ends before, or is not ready in time; nothing is left running then
 */
export async function startGateway(options: GatewayOptions): Promise<GatewayProcess> {
  const endpointFile = join(options.dataDirectory, 'endpoint.json')
  const startedAt = performance.now()
  // One that it can have again when it is started anew.
  const child = spawnGateway({ ...options, port: options.port ?? (await freePort()) })
  try {
    const url = await waitUntil(
      'the gateway to be ready',
      async () => {
        if (!child.isRunning) return 'ended'
        const endpoint = await readEndpoint(endpointFile)
        if (endpoint?.pid !== child.pid || endpoint === undefined) return undefined
        const response = await fetch(new URL('/ready', endpoint.url), { signal: AbortSignal.timeout(2000) })
        await response.arrayBuffer()
        return response.status === 200 ? endpoint.url : undefined
      },
      { timeoutMs: options.readyTimeoutMs ?? 30_000, intervalMs: 10 },
    )
    if (url === 'ended') throw new Error('the gateway ended before it was ready')
    const readyAfterMs = performance.now() - startedAt
    const adminKey = (await readFile(join(options.dataDirectory, 'admin.key'), 'utf8')).trim()
    return describe(child, options.dataDirectory, url, adminKey, readyAfterMs)
  } catch (error) {
    const { code, signal } = await child.kill()
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(
      `${reason} (exit code ${code}, signal ${signal})\nstdout: ${child.stdout}\nstderr: ${child.stderr}`,
      { cause: error },
    )
  }
}

/**
 * Starts a built gateway that is expected to refuse to start, and waits for its end.
 * @throws Error when it still runs after `readyTimeoutMs`; it is ended then
 */
export async function runGatewayToEnd(options: GatewayOptions): Promise<GatewayEnd> {
  const child = spawnGateway(options)
  let overdue = false
  const timer = setTimeout(() => {
    overdue = true
    child.signal('SIGKILL')
  }, options.readyTimeoutMs ?? 30_000)
  const exit = await child.exited
  clearTimeout(timer)
  if (overdue) throw new Error(`the gateway still ran\nstdout: ${child.stdout}\nstderr: ${child.stderr}`)
  return { ...exit, stdout: child.stdout, stderr: child.stderr }
}

/** Removes a data directory, also while a process that was just killed still lets go of it. */
export async function removeDataDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}

function spawnGateway(options: GatewayOptions): ManagedProcess {
  return new ManagedProcess({
    command: process.execPath,
    arguments: [options.entry ?? builtGateway],
    environment: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      MREG_DATA_DIR: options.dataDirectory,
      MREG_PORT: String(options.port ?? 0),
      ...options.environment,
    },
  })
}

async function readEndpoint(path: string): Promise<{ url: string; pid: number } | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch {
    return undefined
  }
  const endpoint: unknown = JSON.parse(text)
  if (typeof endpoint !== 'object' || endpoint === null) return undefined
  const { url, pid } = endpoint as { url?: unknown; pid?: unknown }
  return typeof url === 'string' && typeof pid === 'number' ? { url, pid } : undefined
}

function describe(
  child: ManagedProcess,
  dataDirectory: string,
  url: string,
  adminKey: string,
  readyAfterMs: number,
): GatewayProcess {
  return {
    url,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    dataDirectory,
    adminKey,
    readyAfterMs,
    get isRunning() {
      return child.isRunning
    },
    get stdout() {
      return child.stdout
    },
    get stderr() {
      return child.stderr
    },
    exited: child.exited,
    signal: (signal) => child.signal(signal),
    terminate: (graceMs = 30_000) => child.stop('SIGTERM', graceMs),
    kill: () => child.kill(),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  }
}
