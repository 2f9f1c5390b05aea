import { encodeError, type JsonRpcId, scanMessage, type ScannedMessage, WireError } from '@mreg/mcp-wire'
import {
  isJsonObject,
  parseJsonObject,
  UpstreamError,
  type UpstreamEvent,
  type UpstreamRefusedReply,
  type UpstreamReply,
  type UpstreamStreamReply,
} from '@mreg/upstream'

import { gatewayError } from './gateway-error.ts'

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
  /** Gets the reply as soon as its head is there. */
  readonly onReply?: ((reply: UpstreamReply) => void) | undefined
  /** Gets each failure, with its cause, for the log. */
  readonly onFailure?: ((error: unknown) => void) | undefined
}

/** How long the end of a stream is awaited after its last message, in milliseconds, so that its connection can be used again. */
const STREAM_END_GRACE_MS = 1000

/**
 * Sends one request and gives what comes back, message by message, whichever form the answer has.
 * Whatever goes wrong becomes a JSON-RPC error with the client's id: there is exactly one final turn,
 * and the generator never throws.
 */
export async function* converse(
  send: () => Promise<UpstreamReply>,
  options: ConverseOptions,
): AsyncGenerator<Turn, void, undefined> {
  try {
    const reply = await send()
    options.onReply?.(reply)
    switch (reply.kind) {
      case 'message':
        yield expectResponse(reply.message, options)
        return
      case 'stream':
        yield* converseOnStream(reply, options)
        return
      case 'accepted':
        throw new UpstreamError('not_a_message', 'the server accepted the request and gave no answer')
      case 'refused':
        yield refusal(reply, options)
    }
  } catch (error) {
    options.onFailure?.(error)
    yield finalTurn(encodeError({ id: options.id, ...gatewayError(error, options.slug, options.requestId) }))
  }
}

async function* converseOnStream(
  reply: UpstreamStreamReply,
  { id, maxJsonDepth }: ConverseOptions,
): AsyncGenerator<Turn, void, undefined> {
  const events = reply.messages[Symbol.asyncIterator]()
  let finished = false
  try {
    for (;;) {
      const { value: event, done } = await events.next()
      if (done === true) {
        throw new UpstreamError('truncated', 'the server ended its answer before it was complete')
      }
      const scanned = scanReply(event.message, maxJsonDepth)
      const { message, eventId, retryMs } = event
      const turn = { message, scanned, eventId, retryMs, status: 200 }
      if (scanned.kind !== 'response') {
        yield { ...turn, final: false }
      } else if (scanned.id === id) {
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

const finalTurn = (message: Uint8Array, status = 200): Turn => ({
  message,
  eventId: undefined,
  retryMs: undefined,
  final: true,
  status,
})

const scanReply = (message: Uint8Array, maxDepth: number): ScannedMessage => {
  try {
    return scanMessage(message, { maxDepth })
  } catch (error) {
    if (WireError.is(error))
      throw new UpstreamError(
        'not_a_message',
        'the server answered with something that is not a JSON-RPC message',
        { cause: error },
      )
    throw error
  }
}

const expectResponse = (message: Uint8Array, { id, maxJsonDepth }: ConverseOptions): Turn => {
  const scanned = scanReply(message, maxJsonDepth)
  if (scanned.kind === 'response' && scanned.id === id) return { ...finalTurn(message), scanned }
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
    return finalTurn(
      encodeError({ id: options.id, code, message, ...(data === undefined ? {} : { data }) }),
      status,
    )
  }
  const failure = new UpstreamError('upstream_status', `the server answered with HTTP ${reply.status}`, {
    status: reply.status,
  })
  options.onFailure?.(failure)
  return finalTurn(
    encodeError({ id: options.id, ...gatewayError(failure, options.slug, options.requestId) }),
    status,
  )
}
