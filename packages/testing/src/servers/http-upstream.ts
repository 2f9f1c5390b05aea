import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'

/** One request as it came in, with its whole body. */
export interface ReceivedRequest {
  readonly method: string
  /** What was asked for, as it was written: a path with its query. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** The JSON-RPC method in the body; undefined when there is none. */
  readonly rpcMethod: string | undefined
  /** The JSON-RPC id in the body; undefined when there is none. */
  readonly rpcId: unknown
}

/** An HTTP server that answers as the test says, for what no real MCP server does on demand. */
export interface HttpUpstream extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Every request since the start, in order. */
  readonly requests: readonly ReceivedRequest[]
  /** How many responses were cut off by the client before they were complete. */
  readonly disconnects: number
  /** Answers differently from now on. */
  answer(handler: HttpUpstreamHandler): void
  /** Stops listening and cuts all connections. Idempotent. */
  stop(): Promise<void>
}

export type HttpUpstreamHandler = (request: ReceivedRequest, response: ServerResponse) => void

/** Starts one on a free port of 127.0.0.1, or on `port`. */
export async function startHttpUpstream(
  handler: HttpUpstreamHandler,
  { port = 0 }: { readonly port?: number | undefined } = {},
): Promise<HttpUpstream> {
  const requests: ReceivedRequest[] = []
  let disconnects = 0
  let current = handler
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.once('end', () => {
      const body = Buffer.concat(chunks).toString()
      const request = {
        method: incoming.method ?? '',
        target: incoming.url ?? '',
        headers: incoming.headers,
        body,
        ...readRpc(body),
      }
      requests.push(request)
      response.once('close', () => {
        if (!response.writableFinished) disconnects += 1
      })
      current(request, response)
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}/mcp`,
    requests,
    get disconnects() {
      return disconnects
    },
    answer: (next) => {
      current = next
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Writes `body` as one JSON answer. */
export const answerJson = (
  response: ServerResponse,
  body: unknown,
  { status = 200, headers = {} }: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

/** The text of one event that carries `message`. */
export const eventOf = (message: unknown): string => `event: message\ndata: ${JSON.stringify(message)}\n\n`

const readRpc = (body: string): Pick<ReceivedRequest, 'rpcMethod' | 'rpcId'> => {
  try {
    const message: unknown = JSON.parse(body)
    if (typeof message !== 'object' || message === null) return { rpcMethod: undefined, rpcId: undefined }
    const { method, id } = message as { method?: unknown; id?: unknown }
    return { rpcMethod: typeof method === 'string' ? method : undefined, rpcId: id }
  } catch {
    return { rpcMethod: undefined, rpcId: undefined }
  }
}
