import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import { clients } from './clients.ts'

// A proxy on one of the clients: the request whole, the answer whole, one write each.
const [name = '', port, upstreamPort] = process.argv.slice(2)
const client = clients[name]?.(Number(upstreamPort))
if (client === undefined) throw new Error(`no client is called ${name}`)

const answer = async (request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> => {
  try {
    const { status, headers, body: content } = await client(request.url ?? '/', request.rawHeaders, body)
    response.sendDate = false
    response.writeHead(status, [...headers, 'content-length', String(content.byteLength)]).end(content)
  } catch {
    response.destroy()
  }
}

createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const [only, ...more] = chunks
    void answer(request, response, only === undefined || more.length > 0 ? Buffer.concat(chunks) : only)
  })
}).listen(Number(port), '127.0.0.1', () => process.send?.('ready'))
