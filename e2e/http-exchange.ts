import { Agent, request as startRequest } from 'node:http'

/** A request, with nothing added that was not asked for but what HTTP itself needs. */
export interface HttpRequest {
  readonly method?: string | undefined
  /** Also names such as Host that `fetch` would set by itself. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | Uint8Array | undefined
  /** Ends the exchange when it takes longer. Default 20 s. */
  readonly timeoutMs?: number | undefined
}

/** A whole answer. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown
}

/** Sends one request on a connection of its own and reads the whole answer, whatever its status. */
export async function exchange(url: string, options: HttpRequest = {}): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  // Offers to keep the connection, as ordinary clients do.
  const agent = new Agent({ keepAlive: true })
  const request = startRequest(url, {
    method: options.method ?? 'GET',
    headers: { ...options.headers },
    agent,
    signal: AbortSignal.timeout(options.timeoutMs ?? 20_000),
  })
  request.on('error', reject)
  request.on('response', (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', reject)
    response.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8')
      const headers = Object.fromEntries(
        Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
      )
      resolve({ status: response.statusCode ?? 0, headers, text, json: parse(text) })
    })
  })
  request.end(options.body)
  try {
    return await promise
  } finally {
    agent.destroy()
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
