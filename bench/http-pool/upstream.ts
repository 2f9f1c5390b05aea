import { createServer } from 'node:http'

// A server that answers at once: 300 bytes, or as many as the path says.
const bodies = new Map<string, Buffer>()
const bodyOf = (path: string): Buffer => {
  const known = bodies.get(path)
  if (known !== undefined) return known
  const text = 'x'.repeat(Math.max(1, Number(path.slice(1) || 300) - 64))
  const body = Buffer.from(
    JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text }] } }),
  )
  bodies.set(path, body)
  return body
}

createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    const body = bodyOf(request.url ?? '/')
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.byteLength })
    response.end(body)
  })
}).listen(Number(process.argv[2]), '127.0.0.1', () => process.send?.('ready'))
