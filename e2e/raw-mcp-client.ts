import { exchange, type HttpAnswer } from './http-exchange.ts'

const accept = 'application/json, text/event-stream'

/** A JSON-RPC response as it came, and how. */
export interface RawResponse {
  readonly status: number
  readonly message: {
    readonly id?: unknown
    readonly result?: Readonly<Record<string, unknown>>
    readonly error?: {
      readonly code: number
      readonly message: string
      readonly data?: Readonly<Record<string, unknown>>
    }
  }
}

/** Speaks the 2025 era byte by byte: shows what the SDK clients hide, and has no stream open that it was not asked for. */
export class RawMcpClient {
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  #sessionId: string | undefined

  /** @param headers of each request, beside those of the protocol. */
  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.#url = url
    this.#headers = headers
  }

  get sessionId(): string | undefined {
    return this.#sessionId
  }

  /** Opens a session. */
  async initialize(): Promise<RawResponse> {
    const answer = await this.post({
      jsonrpc: '2.0',
      id: 'init',
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'raw', version: '1.0.0' },
      },
    })
    this.#sessionId = answer.headers['mcp-session-id']
    const response = responseOf(answer)
    if (response.message.result !== undefined) {
      await this.post({ jsonrpc: '2.0', method: 'notifications/initialized' })
    }
    return response
  }

  /** Sends a request and returns its response, from a JSON body or from the stream. */
  async request(id: string | number, method: string, params: object = {}): Promise<RawResponse> {
    return responseOf(await this.post({ jsonrpc: '2.0', id, method, params }))
  }

  /** Calls a tool. */
  call(id: string | number, name: string, input: object = {}): Promise<RawResponse> {
    return this.request(id, 'tools/call', { name, arguments: input })
  }

  /** Posts any message. */
  post(message: object): Promise<HttpAnswer> {
    return exchange(this.#url, {
      method: 'POST',
      headers: {
        ...this.#headers,
        'content-type': 'application/json',
        accept,
        ...(this.#sessionId === undefined
          ? {}
          : { 'mcp-session-id': this.#sessionId, 'mcp-protocol-version': '2025-11-25' }),
      },
      body: JSON.stringify(message),
    })
  }
}

/** The last message of an answer, from a JSON body or from a stream. */
export function responseOf({ status, headers, json, text }: HttpAnswer): RawResponse {
  if (headers['content-type']?.startsWith('text/event-stream') !== true)
    return { status, message: toMessage(json) }
  const messages = text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => toMessage(JSON.parse(line.slice('data: '.length))))
  const last = messages.at(-1)
  if (last === undefined) throw new Error(`a stream without a message: ${text}`)
  return { status, message: last }
}

function toMessage(value: unknown): RawResponse['message'] {
  if (typeof value !== 'object' || value === null) throw new Error(`not a message: ${JSON.stringify(value)}`)
  return value
}
