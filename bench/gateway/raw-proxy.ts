import { Agent, createServer, request as send } from 'node:http'

// The textbook proxy: one request in, one request out, pipes between them.
const [port, upstreamPort] = process.argv.slice(2).map(Number)
const agent = new Agent({ keepAlive: true })

createServer((request, response) => {
  const upstream = send(
    {
      host: '127.0.0.1',
      port: upstreamPort,
      path: request.url,
      method: request.method,
      headers: request.headers,
      agent,
    },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    },
  )
  upstream.on('error', () => response.destroy())
  request.pipe(upstream)
}).listen(port, '127.0.0.1', () => process.send?.('ready'))
