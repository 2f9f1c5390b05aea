import { createServer } from 'node:http'

// A server of the 2026-07-28 era, and of no other, that answers at once.
const text = 'x'.repeat(200)

interface Message {
  readonly id?: number | string
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
}

const common = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }
const discovered = { ...common, supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }

const listed = { ...common, tools: [{ name: 'echo', inputSchema: { type: 'object' } }] }
const called = { resultType: 'complete', content: [{ type: 'text', text }] }
const results: Readonly<Record<string, object>> = { 'server/discover': discovered, 'tools/list': listed }

createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    if (request.method !== 'POST') {
      response.writeHead(405).end()
      return
    }
    const { id, method, params }: Message = JSON.parse(Buffer.concat(parts).toString())
    const isModern = params?.['_meta'] !== undefined
    const error = {
      code: -32_022,
      message: 'Unsupported protocol version',
      data: { supported: ['2026-07-28'] },
    }
    const answer = isModern ? { result: results[method ?? ''] ?? called } : { error }
    const body = JSON.stringify({ jsonrpc: '2.0', id, ...answer })
    response.writeHead(isModern ? 200 : 400, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    })
    response.end(body)
  })
}).listen(Number(process.argv[2]), '127.0.0.1', () => process.send?.('ready'))
