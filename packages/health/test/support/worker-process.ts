import { fileURLToPath } from 'node:url'

import type { StatusPolicy } from '@mreg/repositories'
import { ManagedProcess, waitUntil } from '@mreg/testing'

/** What a worker process is told. */
export interface WorkerOptions {
  readonly databaseUrl: string
  readonly owner: string
  readonly policy: StatusPolicy
  readonly leaseMs: number
}

const main = fileURLToPath(new URL('worker-main.ts', import.meta.url))

/** Starts a worker and waits until it watches. */
export const startWorker = async (options: WorkerOptions): Promise<ManagedProcess> => {
  const worker = new ManagedProcess({
    command: process.execPath,
    arguments: ['--conditions=@mreg/source', main, JSON.stringify(options)],
  })
  await waitUntil('a worker to watch', () => worker.stdout.includes('watching'), { timeoutMs: 60_000 })
  return worker
}
