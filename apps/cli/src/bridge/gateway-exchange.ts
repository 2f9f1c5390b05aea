import {
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

export interface ExchangeRequest {
  readonly method: 'POST' | 'GET' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
  readonly signal: AbortSignal
  /** How long the connection may be silent; undefined: for ever. */
  readonly idleMs?: number | undefined
}

export interface ExchangeResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Throws {@link ExchangeError} when it ends early. */
  readonly body: AsyncIterable<Uint8Array>
}

/** The exchange with the gateway broke. */
export class ExchangeError extends Error {
  readonly code = 'ERR_EXCHANGE'
  /** False only when it is certain that the gateway has not seen the request. */
  readonly sent: boolean

  constructor(sent: boolean, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.sent = sent
  }

  static is(error: unknown): error is ExchangeError {
    return error instanceof Error && 'code' in error && error.code === 'ERR_EXCHANGE'
  }
}

// A connection for each request: on this machine it costs next to nothing, and one that fails before it is made has
// certainly carried nothing. An idle connection that the gateway has just closed would leave that open.
const httpAgent = new HttpAgent({ keepAlive: false })
const httpsAgent = new HttpsAgent({ keepAlive: false })

/** @throws {ExchangeError} when there is no answer. */
export const exchangeWithGateway = async (options: ExchangeRequest): Promise<ExchangeResponse> => {
  const { body, headers, idleMs, method, signal } = options
  const url = new URL(options.url)
  const isSecure = url.protocol === 'https:'
  let sent = false
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (isSecure ? httpsRequest : httpRequest)(url, {
        method,
        agent: isSecure ? httpsAgent : httpAgent,
        headers: body === undefined ? headers : { ...headers, 'content-length': String(body.length) },
        signal,
        ...(idleMs === undefined ? {} : { timeout: idleMs }),
      })
      request.once('socket', (socket) =>
        socket.once(isSecure ? 'secureConnect' : 'connect', () => (sent = true)),
      )
      request.once('timeout', () => request.destroy(new Error(`the gateway was silent for ${idleMs} ms`)))
      request.once('response', resolve).once('error', reject)
      request.end(body)
    })
    return { status: response.statusCode ?? 0, headers: response.headers, body: chunksOf(response) }
  } catch (error) {
    throw new ExchangeError(sent, error)
  }
}

async function* chunksOf(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* response as AsyncIterable<Uint8Array>
  } catch (error) {
    throw new ExchangeError(true, error)
  }
}

/**
 * Reads a body to its end.
 *
 * @throws {ExchangeError} when it ends early or is longer than `maxBytes`.
 */
export const readBody = async ({ body }: ExchangeResponse, maxBytes: number): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > maxBytes) throw new ExchangeError(true, `an answer is longer than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
