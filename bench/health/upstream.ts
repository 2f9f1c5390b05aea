import { createServer } from 'node:http'

// A server of the 2026-07-28 era that answers `server/discover` at once, on several ports: many origins, one cheap process.
const result = {
  resultType: 'complete',
  ttlMs: 0,
  cacheScope: 'private',
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {} },
}
const body = JSON.stringify({ jsonrpc: '2.0', id: 'mreg-probe', result })
const head = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }

const ports: number[] = []
const count = Number(process.argv[2])
for (let index = 0; index < count; index += 1) {
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    request.resume()
    request.once('end', () => response.writeHead(200, head).end(body))
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (address !== null && typeof address === 'object') ports.push(address.port)
    if (ports.length === count) process.send?.(ports)
  })
}
