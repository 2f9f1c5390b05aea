import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { waitUntil } from '@mreg/testing'

import type { LoopReport } from './loop-meter.ts'

const builtGateway = fileURLToPath(new URL('../../apps/gateway/dist/main.js', import.meta.url))

/** A gateway whose event loop is measured. */
export interface MeasuredGateway extends AsyncDisposable {
  readonly url: string
  readonly adminKey: string
  /** From the start of the process until `/ready` said yes, in milliseconds. */
  readonly readyMs: number
  /** What happened since it was last asked, or since the start. */
  report(): Promise<LoopReport>
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>
}

/** Starts the built gateway under the meter, on the embedded database in `dataDirectory`. */
export const startMeasured = async (dataDirectory: string): Promise<MeasuredGateway> => {
  const startedAt = performance.now()
  const child = fork(process.env['BENCH_GATEWAY'] ?? builtGateway, {
    execArgv: ['--import', join(import.meta.dirname, 'loop-meter.ts')],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      MREG_DATA_DIR: dataDirectory,
      MREG_PORT: '0',
      MREG_HEALTH_MODE: 'off',
      // What a call met is counted here.
      MREG_LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.kill()
    await ended
  }
  try {
    const url = await waitUntil(
      'the gateway to be ready',
      async () => {
        const { url: announced, pid } = JSON.parse(readFileSync(join(dataDirectory, 'endpoint.json'), 'utf8'))
        if (pid !== child.pid) return undefined
        const response = await fetch(`${announced}/ready`)
        await response.arrayBuffer()
        return response.ok ? String(announced) : undefined
      },
      { timeoutMs: 60_000, intervalMs: 5 },
    )
    return {
      url,
      adminKey: readFileSync(join(dataDirectory, 'admin.key'), 'utf8').trim(),
      readyMs: performance.now() - startedAt,
      report: () =>
        new Promise((resolve) => {
          child.once('message', (report: LoopReport) => resolve(report))
          child.send('report')
        }),
      stop,
      [Symbol.asyncDispose]: stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
