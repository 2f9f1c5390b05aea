import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'

import { toldServer } from './told-server.ts'

/** The same over HTTP+SSE (2024-11-05). */
export const startToldSse = async (ledger: string): Promise<AsyncDisposable & { readonly url: string }> => {
  const take = toldServer('legacy', ledger)
  const streams = new Map<string, ServerResponse>()
  let opened = 0
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1')
    if (request.method === 'GET') {
      opened += 1
      const session = `session-${opened}`
      streams.set(session, response)
      response.once('close', () => streams.delete(session))
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      return void response.write(`event: endpoint\ndata: /messages?session=${session}\n\n`)
    }
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      response.writeHead(202).end()
      const stream = streams.get(url.searchParams.get('session') ?? '')
      take(Buffer.concat(chunks).toString(), {
        say: (text) => void stream?.write(`event: message\ndata: ${text}\n\n`),
        die: () => {
          // What was said before is to arrive: a connection that is reset takes it along.
          stream?.write(':\n\n', () => stream.socket?.destroySoon())
        },
        closeOutput: () => void stream?.end(),
      })
    })
    return undefined
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  return {
    url: `http://127.0.0.1:${address.port}/sse`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
