import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { TlsOptions } from 'node:tls'

export interface TestHttpServer extends AsyncDisposable {
  readonly url: URL
  readonly connectionsAccepted: number
  readonly connectionsOpen: number
  /** Requests received so far, with their whole bodies. */
  readonly requests: readonly ReceivedRequest[]
}

export interface ReceivedRequest {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly rawHeaders: readonly string[]
  readonly body: string
}

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

/** Starts a `node:http` server on 127.0.0.1 (or an https one); the handler runs when the request body is complete. */
export async function startHttpServer(
  handler: Handler,
  options: { tls?: TlsOptions; host?: string } = {},
): Promise<TestHttpServer> {
  const requests: ReceivedRequest[] = []
  let connectionsAccepted = 0
  let connectionsOpen = 0
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const { method, url } = request
      const rawHeaders = withoutKeepAlive(request.rawHeaders)
      requests.push({ method, url, rawHeaders, body })
      handler(request, response, body)
    })
  }
  const server: Server =
    options.tls === undefined ? createServer(answer) : createTlsServer(options.tls, answer)
  server.on('connection', (socket) => {
    connectionsAccepted += 1
    connectionsOpen += 1
    socket.once('close', () => (connectionsOpen -= 1))
  })
  const host = options.host ?? '127.0.0.1'
  server.listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  const scheme = options.tls === undefined ? 'http' : 'https'
  return {
    url: new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${address.port}/mcp`),
    requests,
    get connectionsAccepted() {
      return connectionsAccepted
    },
    get connectionsOpen() {
      return connectionsOpen
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Node.js 22 adds `Connection: keep-alive`, later ones do not. */
function withoutKeepAlive(rawHeaders: readonly string[]): string[] {
  const at = rawHeaders.indexOf('Connection')
  return at === -1 || rawHeaders[at + 1] !== 'keep-alive' ? [...rawHeaders] : rawHeaders.toSpliced(at, 2)
}
