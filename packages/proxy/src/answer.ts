import { encodeError, type JsonRpcId } from '@mreg/mcp-wire'

/** A response header. */
export type AnswerHeader = readonly [name: string, value: string]

/** A whole answer. */
export interface CompleteAnswer {
  readonly kind: 'complete'
  readonly status: number
  readonly headers: readonly AnswerHeader[]
  /** Empty for an answer without a body. */
  readonly body: Uint8Array
}

/**
 * An answer that is written as it comes. The chunks must be pulled to their end even when the client
 * has gone: a call of the older protocol era goes on without its client.
 */
export interface StreamAnswer {
  readonly kind: 'stream'
  readonly status: 200
  readonly headers: readonly AnswerHeader[]
  readonly chunks: AsyncIterable<Uint8Array>
}

export type Answer = CompleteAnswer | StreamAnswer

const EMPTY = new Uint8Array(0)
const JSON_HEADERS: readonly AnswerHeader[] = [
  ['content-type', 'application/json'],
  ['cache-control', 'no-store'],
]

/** One JSON-RPC message as `application/json`. */
export const jsonAnswer = (
  body: Uint8Array,
  status = 200,
  headers: readonly AnswerHeader[] = [],
): CompleteAnswer => ({ kind: 'complete', status, headers: [...JSON_HEADERS, ...headers], body })

/** No body. */
export const emptyAnswer = (status: number, headers: readonly AnswerHeader[] = []): CompleteAnswer => ({
  kind: 'complete',
  status,
  headers,
  body: EMPTY,
})

/** What stands in the `data` of an error that the gateway itself raises. */
export interface ErrorData {
  /** Stable; clients may switch on it. */
  readonly reason: string
  /** The server's slug. */
  readonly server?: string | undefined
  readonly retryAfterMs?: number | undefined
  readonly requestId: string
  readonly [member: string]: unknown
}

/** A JSON-RPC error as `application/json`. */
export const errorAnswer = (
  status: number,
  error: {
    readonly id: JsonRpcId | null
    readonly code: number
    readonly message: string
    readonly data?: object | undefined
  },
  headers: readonly AnswerHeader[] = [],
): CompleteAnswer => jsonAnswer(encodeError(error), status, headers)

/** An event stream. */
export const streamAnswer = (
  chunks: AsyncIterable<Uint8Array>,
  headers: readonly AnswerHeader[] = [],
): StreamAnswer => ({
  kind: 'stream',
  status: 200,
  headers: [
    ['content-type', 'text/event-stream'],
    ['cache-control', 'no-store'],
    // Tells nginx not to hold the events back.
    ['x-accel-buffering', 'no'],
    ...headers,
  ],
  chunks,
})
