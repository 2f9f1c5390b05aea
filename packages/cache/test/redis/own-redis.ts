import { setTimeout as sleep } from 'node:timers/promises'

import { freePort, ManagedProcess, waitUntil } from '@mreg/testing'
import { createClient } from 'redis'

/** A redis-server of the test's own, which may be frozen, killed and started again on its port. */
export interface OwnRedis extends AsyncDisposable {
  readonly url: string
  readonly port: number
  start(): Promise<void>
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  /** Runs one command past the cache. */
  run(...words: readonly string[]): Promise<unknown>
}

export const startOwnRedis = async (...options: readonly string[]): Promise<OwnRedis> => {
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  let server: ManagedProcess | undefined
  const run = async (...words: readonly string[]): Promise<unknown> => {
    const client = createClient({ url, socket: { connectTimeout: 3000, reconnectStrategy: false } })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return await client.sendCommand([...words])
    } finally {
      client.destroy()
    }
  }
  const start = async (): Promise<void> => {
    server = new ManagedProcess({
      command: 'redis-server',
      arguments: [
        '--bind',
        '127.0.0.1',
        '--port',
        String(port),
        '--save',
        '',
        '--appendonly',
        'no',
        ...options,
      ],
      workingDirectory: '/tmp',
    })
    await waitUntil('redis-server to answer', () => run('PING').then(() => true))
  }
  const kill = async (): Promise<void> => {
    // A stopped process dies of SIGKILL as well.
    await server?.kill()
  }
  await start()
  return {
    url,
    port,
    start,
    kill,
    freeze: () => server?.signal('SIGSTOP'),
    thaw: () => server?.signal('SIGCONT'),
    run,
    [Symbol.asyncDispose]: kill,
  }
}

/** Long enough for what must not happen. */
export const aWhile = (): Promise<void> => sleep(150)
