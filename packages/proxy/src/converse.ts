import { encodeError, type Era, type JsonRpcId, type ScannedMessage } from '@mreg/mcp-wire'
import {
  isJsonObject,
  parseJsonObject,
  UpstreamError,
  type UpstreamEvent,
  type UpstreamRefusedReply,
  type UpstreamReply,
  type UpstreamStreamReply,
} from '@mreg/upstream'

import { AnswerReader } from './answer-reader.ts'
import type { Freshness } from './fallback/freshness.ts'
import { gatewayError } from './gateway-error.ts'
import { tooLargeResult } from './too-large-result.ts'

/** One message of an upstream's answer to one request. */
export interface Turn {
  readonly message: Uint8Array
  /** The message as it was scanned; undefined when it was not. */
  readonly scanned?: ScannedMessage | undefined
  readonly eventId: string | undefined
  readonly retryMs: number | undefined
  /** Whether it is the response that ends the exchange. The last turn, and only that, is final. */
  readonly final: boolean
  /** The HTTP status that a complete answer gets. */
  readonly status: number
  /** Why the server has given no answer, when the gateway says so in its place; undefined: it has answered. Only when final. */
  readonly failure?: unknown
  /** Whether it is an older answer that stands in for a failure. */
  readonly isStale?: boolean | undefined
  /** Whether an administrator has cancelled the request. */
  readonly isCancelled?: boolean | undefined
  /** Whether the server has answered with an error; undefined: `scanned` says so. */
  readonly isError?: boolean | undefined
  /** How long the server says that its answer is good, when the message does not say it any more. */
  readonly freshness?: Freshness | undefined
}

export interface ConverseOptions {
  readonly requestId: string
  readonly slug: string
  /** The id of the client's request. */
  readonly id: JsonRpcId
  /** Deepest nesting of a message of the upstream. */
  readonly maxJsonDepth: number
  /** Whether the upstream's own status for a refusal is kept: in the modern era it means something. */
  readonly keepStatus: boolean
  /** In which era the server is spoken to. */
  readonly era: Era
  /** Whether it is a tool that is called: what is wrong with its result is told as a result. */
  readonly isToolCall: boolean
  /** Gets the reply as soon as its head is there. */
  readonly onReply?: ((reply: UpstreamReply) => void) | undefined
  /** Gets each failure, with its cause, for the log. */
  readonly onFailure?: ((error: unknown) => void) | undefined
  /** Whether the request is to be sent once more after a failure of which the client has seen nothing. Default: never. */
  readonly again?: ((error: unknown) => Promise<boolean>) | undefined
}

/** Sends one message, with what is to look at its answer, and gives the reply's head. */
export type Send = (examine: AnswerReader['examine']) => Promise<UpstreamReply>

/** How long the end of a stream is awaited after its last message, in milliseconds, so that its connection can be used again. */
const STREAM_END_GRACE_MS = 1000

/**
 * Sends one request and gives what comes back, message by message, whichever form the answer has.
 * Whatever goes wrong becomes a JSON-RPC error with the client's id: there is exactly one final turn,
 * and the generator never throws.
 */
export async function* converse(send: Send, options: ConverseOptions): AsyncGenerator<Turn, void, undefined> {
  const reader = new AnswerReader(options)
  for (;;) {
    let isHeard = false
    try {
      const reply = await send(reader.examine)
      options.onReply?.(reply)
      switch (reply.kind) {
        case 'message':
          yield responseTurn(reply.message, reader)
          return
        case 'stream':
          for await (const turn of converseOnStream(reply, reader)) {
            isHeard = true
            yield turn
          }
          return
        case 'accepted':
          throw new UpstreamError('not_a_message', 'the server accepted the request and gave no answer')
        case 'refused':
          yield refusal(reply, options)
          return
      }
    } catch (error) {
      options.onFailure?.(error)
      if (!isHeard && (await options.again?.(error)) === true) continue
      yield failedTurn(error, options)
      return
    }
  }
}

async function* converseOnStream(
  reply: UpstreamStreamReply,
  reader: AnswerReader,
): AsyncGenerator<Turn, void, undefined> {
  const events = reply.messages[Symbol.asyncIterator]()
  let finished = false
  try {
    for (;;) {
      const { value: event, done } = await events.next()
      if (done === true) {
        throw new UpstreamError('truncated', 'the server ended its answer before it was complete')
      }
      const scanned = reader.scan(event.message)
      const { message, eventId, retryMs } = event
      const turn = { message, scanned, eventId, retryMs, status: 200 }
      if (scanned.kind !== 'response') {
        yield { ...turn, final: false }
      } else if (reader.isAwaited(scanned)) {
        finished = true
        void awaitEnd(events, reply)
        yield { ...turn, final: true }
        return
      }
      // A response to something else is nobody's here: it is dropped, and the real one awaited.
    }
  } finally {
    if (!finished) reply.cancel()
  }
}

const awaitEnd = async (events: AsyncIterator<UpstreamEvent>, reply: UpstreamStreamReply): Promise<void> => {
  const timer = setTimeout(() => reply.cancel(), STREAM_END_GRACE_MS)
  try {
    const { done } = await events.next()
    if (done !== true) reply.cancel()
  } catch {
    // The answer is complete; how its connection ends is of no interest.
  } finally {
    clearTimeout(timer)
  }
}

const failedTurn = (
  failure: unknown,
  options: Pick<ConverseOptions, 'era' | 'id' | 'isToolCall' | 'requestId' | 'slug'>,
  status = 200,
): Turn => {
  const { id, isToolCall, requestId, slug } = options
  const result = isToolCall ? tooLargeResult(failure, options) : undefined
  const message = result ?? encodeError({ id, ...gatewayError(failure, slug, requestId) })
  return { ...finalTurn(message, status), failure }
}

const finalTurn = (message: Uint8Array, status = 200): Turn => ({
  message,
  eventId: undefined,
  retryMs: undefined,
  final: true,
  status,
})

const responseTurn = (message: Uint8Array, reader: AnswerReader): Turn => {
  const scanned = reader.scan(message)
  if (reader.isAwaited(scanned)) return { ...finalTurn(message), scanned }
  throw new UpstreamError(
    'not_a_message',
    'the server answered another request than the one that it was sent',
  )
}

/** A 4xx of the upstream: its JSON-RPC error if it gave one, under the client's id. */
const refusal = (reply: UpstreamRefusedReply, options: ConverseOptions): Turn => {
  const error = parseJsonObject(reply.body)?.['error']
  const status = options.keepStatus ? reply.status : 200
  if (isJsonObject(error) && typeof error['code'] === 'number' && typeof error['message'] === 'string') {
    const { code, message, data } = error
    const encoded = encodeError({ id: options.id, code, message, ...(data === undefined ? {} : { data }) })
    return { ...finalTurn(encoded, status), isError: true }
  }
  const failure = new UpstreamError('upstream_status', `the server answered with HTTP ${reply.status}`, {
    status: reply.status,
  })
  options.onFailure?.(failure)
  return failedTurn(failure, options, status)
}
