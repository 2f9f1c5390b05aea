import { randomUUID } from 'node:crypto'

import { LOCAL_PRINCIPAL, type Principal } from '@mreg/core'
import { SseDecoder } from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import type { ActiveRequest, Answer, Exchange, ServerProxy } from '../../src/index.ts'

export const PROTOCOL_VERSION = '2025-11-25'

export interface ExchangeFields {
  readonly method?: Exchange['method'] | undefined
  readonly slug?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly principal?: Principal | undefined
  readonly requestId?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly active?: ActiveRequest | undefined
}

/** The body of a request: bytes, a text, a message, or nothing. */
export type Body = Uint8Array | string | object | undefined

/** A request as the gateway hands it over. */
export const exchangeOf = (body: Body, fields: ExchangeFields = {}): Exchange => {
  const headers: Record<string, string> = {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    ...fields.headers,
  }
  return {
    principal: fields.principal ?? LOCAL_PRINCIPAL,
    slug: fields.slug ?? 'fixture',
    method: fields.method ?? 'POST',
    header: (name) => headers[name],
    headerNames: Object.keys(headers),
    body: bytesOf(body),
    requestId: fields.requestId ?? randomUUID(),
    signal: fields.signal ?? new AbortController().signal,
    active: fields.active,
  }
}

const bytesOf = (body: Body): Uint8Array => {
  if (body === undefined) return new Uint8Array(0)
  if (body instanceof Uint8Array) return body
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
}

export const requestOf = (method: string, params?: object, id: string | number = 1): object => ({
  jsonrpc: '2.0',
  id,
  method,
  ...(params === undefined ? {} : { params }),
})

export const callOf = (
  name: string,
  toolArguments: object = {},
  { id = 1, progressToken }: { id?: string | number; progressToken?: string | number } = {},
): object =>
  requestOf(
    'tools/call',
    {
      name,
      arguments: toolArguments,
      ...(progressToken === undefined ? {} : { _meta: { progressToken } }),
    },
    id,
  )

export const INITIALIZE = requestOf('initialize', {
  protocolVersion: PROTOCOL_VERSION,
  capabilities: { roots: {} },
  clientInfo: { name: 'test', version: '1.0.0' },
})

/** What a client sees of an answer. */
export interface SeenAnswer {
  readonly status: number
  readonly kind: Answer['kind']
  readonly headers: Readonly<Record<string, string>>
  /** The JSON-RPC messages, in their order. */
  readonly messages: readonly JsonObject[]
  /** The last of them; an empty object when there is none. */
  readonly last: JsonObject
  /** How many comments a stream held. */
  readonly comments: number
  /** Everything in the body. */
  readonly text: string
}

/** Reads an answer to its end. */
export const seen = async (answer: Answer): Promise<SeenAnswer> => {
  const headers = Object.fromEntries(answer.headers)
  if (answer.kind === 'complete') {
    const text = Buffer.from(answer.body).toString()
    const messages = text === '' ? [] : [parse(text)]
    return { ...answer, headers, messages, last: messages.at(-1) ?? {}, comments: 0, text }
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of answer.chunks) chunks.push(chunk)
  const messages = chunks.flatMap((chunk) => messagesOf(chunk))
  const text = Buffer.concat(chunks).toString()
  const comments = chunks.filter((chunk) => chunk[0] === 0x3a).length
  const { kind, status } = answer
  return { kind, status, headers, messages, last: messages.at(-1) ?? {}, comments, text }
}

/** The messages in a part of an event stream that holds whole events. */
export const messagesOf = (chunk: Uint8Array): JsonObject[] =>
  new SseDecoder({ maxEventBytes: 67_108_864 })
    .push(chunk)
    .flatMap(({ data }) => (data === undefined ? [] : [parse(Buffer.from(data).toString())]))

const parse = (text: string): JsonObject => {
  const value: unknown = JSON.parse(text)
  if (isJsonObject(value)) return value
  throw new Error(`not a JSON object: ${text}`)
}

/** What an error says of itself. */
export const errorOf = (message: JsonObject): { code: unknown; message: unknown; data: JsonObject } => {
  const { error } = message
  if (!isJsonObject(error)) throw new Error(`not an error: ${JSON.stringify(message)}`)
  const { code, data } = error
  return { code, message: error['message'], data: isJsonObject(data) ? data : {} }
}

/** A client that has initialised, by hand. */
export interface TestClient {
  readonly token: string
  /** Sends one message, or opens a stream, or ends the session, under the session's token. */
  readonly send: (body: Body, fields?: ExchangeFields) => Promise<Answer>
  /** The same, read to its end. */
  readonly ask: (body: Body, fields?: ExchangeFields) => Promise<SeenAnswer>
}

/** A client with the session `token`. */
export const clientOf = (
  proxy: Pick<ServerProxy, 'handle'>,
  token: string,
  own: ExchangeFields = {},
): TestClient => {
  const send = (body: Body, fields: ExchangeFields = {}): Promise<Answer> =>
    proxy.handle(
      exchangeOf(body, {
        ...own,
        ...fields,
        headers: {
          'mcp-session-id': token,
          'mcp-protocol-version': PROTOCOL_VERSION,
          ...own.headers,
          ...fields.headers,
        },
      }),
    )
  return { token, send, ask: async (body, fields) => seen(await send(body, fields)) }
}

/** Initialises as a client does. */
export const initialize = async (
  proxy: Pick<ServerProxy, 'handle'>,
  own: ExchangeFields = {},
): Promise<TestClient> => {
  const answer = await seen(await proxy.handle(exchangeOf(INITIALIZE, own)))
  const token = answer.headers['mcp-session-id']
  if (token === undefined) throw new Error(`no session: ${answer.text}`)
  const client = clientOf(proxy, token, own)
  await client.ask({ jsonrpc: '2.0', method: 'notifications/initialized' })
  return client
}
