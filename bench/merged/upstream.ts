import { createServer } from 'node:http'

/** Servers of the newer era, one for each path, each with the same tools. The path `/hung-…` never answers. */
const [port, tools] = process.argv.slice(2).map(Number)

const definitions = Array.from({ length: tools ?? 0 }, (_, index) => ({
  name: `tool_${index}`,
  description: `Does the ${index}th of the things that this server does, as tools do: with care, and with a text about it.`,
  inputSchema: {
    type: 'object',
    properties: {
      query: { type: 'string', description: 'What to look for.' },
      limit: { type: 'integer', minimum: 1, maximum: 100 },
    },
    required: ['query'],
  },
}))

const RESULTS: Readonly<Record<string, object>> = {
  'server/discover': {
    supportedVersions: ['2026-07-28'],
    capabilities: { tools: {} },
    ttlMs: 0,
    cacheScope: 'private',
  },
  'tools/list': { tools: definitions, ttlMs: 0, cacheScope: 'private' },
}

/** Requests so far: `GET` gives it. */
let requests = 0

createServer((request, response) => {
  if (request.method === 'GET') return response.end(String(requests))
  requests += 1
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  return request.on('end', () => {
    if (request.url?.startsWith('/hung') === true) return
    const { id, method } = JSON.parse(Buffer.concat(chunks).toString())
    const result = RESULTS[method]
    const body =
      result === undefined
        ? { jsonrpc: '2.0', id, error: { code: -32_601, message: 'Method not found' } }
        : { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } }
    response.writeHead(result === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  })
}).listen(port, '127.0.0.1', () => process.send?.('listening'))
