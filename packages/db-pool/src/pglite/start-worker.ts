import { Worker } from 'node:worker_threads'

import type { EngineOrder } from './thread/engine-messages.ts'

/** What JavaScript may keep in the thread: results that are larger end the thread, and not the program. */
const MAX_HEAP_MIB = 512

/** From source, the file beside this one; bundled, the file that the build has put beside the bundle. */
const WORKER_FILE = new URL(
  import.meta.url.endsWith('.ts') ? './thread/pglite-worker.ts' : './pglite-worker.js',
  import.meta.url,
)

/** Starts a thread, which begins to carry out its order at once. */
export const startWorker = (order: EngineOrder): Worker =>
  new Worker(WORKER_FILE, {
    name: 'pglite',
    workerData: order,
    // What this program was started with (loaders, inspectors, profilers) is not for the thread.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
  })
