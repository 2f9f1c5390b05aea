import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A way to Redis that counts in how many pieces commands come. */
export interface ChunkCounter extends AsyncDisposable {
  readonly url: string
  readonly chunks: number
}

/** Listens on a free port of 127.0.0.1 in front of the Redis at `target`. */
export const startChunkCounter = async (target: URL): Promise<ChunkCounter> => {
  let chunks = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const redis = connect({ host: target.hostname, port: Number(target.port || 6379) })
    for (const socket of [client, redis]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    client.on('data', () => {
      chunks += 1
    })
    client.pipe(redis).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('it does not listen')
  const url = new URL(target)
  url.hostname = '127.0.0.1'
  url.port = String(address.port)
  return {
    url: url.href,
    get chunks() {
      return chunks
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
