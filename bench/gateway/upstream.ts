import { createServer } from 'node:http'

// A server of the 2025 era that answers at once: what is left is what stands in front of it.
const text = 'x'.repeat(200)

interface Message {
  readonly id?: number
  readonly method?: string
}

createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const { id, method }: Message =
      request.method === 'POST' ? JSON.parse(Buffer.concat(parts).toString()) : {}
    if (id === undefined) {
      response.writeHead(request.method === 'POST' ? 202 : 405).end()
      return
    }
    const result =
      method === 'initialize'
        ? {
            protocolVersion: '2025-11-25',
            capabilities: { tools: {} },
            serverInfo: { name: 'bench', version: '1' },
          }
        : method === 'tools/list'
          ? { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] }
          : { content: [{ type: 'text', text }] }
    const body = JSON.stringify({ jsonrpc: '2.0', id, result })
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(method === 'initialize' ? { 'mcp-session-id': 'bench' } : {}),
    })
    response.end(body)
  })
}).listen(Number(process.argv[2]), '127.0.0.1', () => process.send?.('ready'))
