import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { freePort } from '../processes/free-port.ts'
import { ManagedProcess } from '../processes/managed-process.ts'
import { waitUntil } from '../processes/wait-until.ts'

/** The official demonstration server, run as its users run it: a process of its own that speaks Streamable HTTP. */
export interface EverythingServer extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Process id of the present incarnation. */
  readonly pid: number | undefined
  /** What the present incarnation wrote to its outputs. */
  readonly output: string
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>
  /** Ends it with SIGKILL and waits until it is gone. */
  kill(): Promise<void>
  /** Ends it if it still runs, and starts it on the same port. Its sessions are lost. */
  restart(): Promise<void>
}

/**
 * Starts `@modelcontextprotocol/server-everything` on `port` (default: a free one).
 * @throws Error with its output when it does not listen within 30 s
 */
export async function startEverythingServer(options: { port?: number } = {}): Promise<EverythingServer> {
  const port = options.port ?? (await freePort())
  const packageFile = createRequire(import.meta.url).resolve(
    '@modelcontextprotocol/server-everything/package.json',
  )
  const entry = join(dirname(packageFile), 'dist', 'index.js')

  const start = async (): Promise<ManagedProcess> => {
    const child = new ManagedProcess({
      command: process.execPath,
      arguments: [entry, 'streamableHttp'],
      environment: { PATH: process.env['PATH'], HOME: process.env['HOME'], PORT: String(port) },
    })
    try {
      await waitUntil(
        'server-everything to listen',
        () => !child.isRunning || child.stderr.includes('listening on port'),
        { timeoutMs: 30_000 },
      )
      if (!child.isRunning) throw new Error('server-everything ended at start')
    } catch (error) {
      await child.kill()
      throw new Error(`server-everything did not start: ${child.stderr}`, { cause: error })
    }
    return child
  }

  let child = await start()
  return {
    port,
    url: `http://127.0.0.1:${port}/mcp`,
    get pid() {
      return child.pid
    },
    get output() {
      return child.stdout + child.stderr
    },
    stop: async () => void (await child.stop()),
    kill: async () => void (await child.kill()),
    restart: async () => {
      await child.kill()
      child = await start()
    },
    [Symbol.asyncDispose]: async () => void (await child.kill()),
  }
}
