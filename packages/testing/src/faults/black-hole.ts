import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'

/** A port whose handshakes never complete. */
export interface BlackHole extends AsyncDisposable {
  readonly url: URL
}

/** A listener in a thread that stands still: its queue of connections fills up, and the kernel drops every further SYN. */
const STANDING_LISTENER = `
  const { createServer } = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const server = createServer().listen({ port: workerData, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 50)
  })
`

/**
 * Starts a black hole on 127.0.0.1: it does not refuse connections, it does not answer them at all.
 *
 * @param options.port - default: a free one
 */
export async function startBlackHole(options: { readonly port?: number } = {}): Promise<BlackHole> {
  const worker = new Worker(STANDING_LISTENER, { eval: true, workerData: options.port ?? 0 })
  const [port] = await once(worker, 'message')
  if (typeof port !== 'number') throw new Error('the listener gave no port')
  await new Promise((resolve) => setTimeout(resolve, 150))
  const fillers: Socket[] = []
  // Far more than a backlog of one can hold; the first that hangs shows that the queue is full.
  for (let count = 0, isFull = false; count < 16 && !isFull; count += 1) {
    const filler = connect(port, '127.0.0.1').on('error', () => undefined)
    fillers.push(filler)
    const hung = new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 250))
    isFull = await Promise.race([once(filler, 'connect').then(() => false), hung])
  }
  return {
    url: new URL(`http://127.0.0.1:${port}/mcp`),
    async [Symbol.asyncDispose]() {
      for (const filler of fillers) filler.destroy()
      await worker.terminate()
    },
  }
}
