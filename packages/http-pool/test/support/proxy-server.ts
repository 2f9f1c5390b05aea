import { once } from 'node:events'
import { createServer, request as forward } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export interface TestProxyServer extends AsyncDisposable {
  readonly url: URL
  /** `METHOD target` of what it was asked for: whole URLs, and `CONNECT host:port`. */
  readonly asked: readonly string[]
  /** What it was told in `Proxy-Authorization`, by request. */
  readonly credentials: readonly (string | undefined)[]
  readonly connectionsAccepted: number
  readonly connectionsOpen: number
}

export interface TestProxyOptions {
  readonly tls?: { readonly key: string; readonly cert: string } | undefined
  /** Answers a CONNECT in place of the proxy: with a status, or with these bytes, or (`silent`) not at all. */
  readonly connect?: { readonly status: number } | { readonly bytes: string } | 'silent' | undefined
}

/** An HTTP proxy on 127.0.0.1: forwards whole URLs and opens tunnels. Every name stands for 127.0.0.1. */
export async function startProxyServer(options: TestProxyOptions = {}): Promise<TestProxyServer> {
  const asked: string[] = []
  const credentials: (string | undefined)[] = []
  const sockets = new Set<Socket | Duplex>()
  let connectionsAccepted = 0
  const server = options.tls === undefined ? createServer() : createTlsServer(options.tls)
  server.on('request', (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const { 'proxy-authorization': authorization, ...headers } = request.headers
    credentials.push(authorization)
    const target = URL.parse(request.url ?? '')
    if (target === null) {
      response.writeHead(400).end('not a whole URL')
      return
    }
    const { port, pathname, search } = target
    const onward = forward(
      { host: '127.0.0.1', port, path: pathname + search, method: request.method, headers, agent: false },
      (answer) => {
        // The connections on its two sides are not one.
        const { connection: _connection, ...fields } = answer.headers
        response.writeHead(answer.statusCode ?? 502, fields)
        answer.pipe(response)
      },
    )
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  server.on('connect', (request, client: Duplex) => {
    asked.push(`CONNECT ${request.url}`)
    credentials.push(request.headers['proxy-authorization'])
    client.on('error', () => undefined)
    const scripted = options.connect
    if (scripted === 'silent') {
      client.resume().on('end', () => client.destroy())
      return
    }
    if (scripted !== undefined) {
      const bytes = 'bytes' in scripted ? scripted.bytes : `HTTP/1.1 ${scripted.status} Scripted\r\n\r\n`
      client.end(bytes)
      return
    }
    const onward = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      client.pipe(onward).pipe(client)
    })
    sockets.add(onward)
    onward.on('error', () => client.destroy())
    onward.on('close', () => client.destroy())
    client.on('close', () => onward.destroy())
  })
  server.on('connection', (socket: Socket) => {
    connectionsAccepted += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no TCP port')
  return {
    url: new URL(`${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`),
    asked,
    credentials,
    get connectionsAccepted() {
      return connectionsAccepted
    },
    get connectionsOpen() {
      return [...sockets].filter((socket) => !socket.destroyed).length
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
