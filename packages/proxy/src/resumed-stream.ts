import { setTimeout as delay } from 'node:timers/promises'

import { type JsonRpcId, scanMessage } from '@mreg/mcp-wire'
import {
  UpstreamError,
  type UpstreamEvent,
  type UpstreamReply,
  type UpstreamStreamReply,
} from '@mreg/upstream'

export interface ResumedStreamOptions {
  /** The id of the request that the stream answers. */
  readonly id: JsonRpcId
  readonly maxDepth: number
  /** How long the whole answer may still take, in milliseconds. What is opened again has no deadline of its own. */
  readonly timeoutMs: number
  /** Opens the stream again after the event of that id. `signal` ends it when its time is over. */
  readonly reopen: (lastEventId: string, signal: AbortSignal) => Promise<UpstreamReply>
  /** Ends the waiting for the server's time. Default: only the deadline does. */
  readonly signal?: AbortSignal | undefined
}

/** How often in a row a stream is opened again that gives nothing. */
const MAX_EMPTY = 5
const PAUSE_MS = { default: 1000, most: 30_000 }

/**
 * An answer that goes on where it was cut: a server of the older era may close the stream of a call before the response, and
 * says with ids of events how to go on. The call itself is never sent again. Other replies, and streams without such ids,
 * are given back as they are.
 */
export const resumed = (reply: UpstreamReply, options: ResumedStreamOptions): UpstreamReply => {
  if (reply.kind !== 'stream') return reply
  let current: UpstreamStreamReply = reply
  const { kind, position, sessionId, status } = reply
  return {
    kind,
    status,
    sessionId,
    position,
    cancel: () => current.cancel(),
    messages: messagesOf(reply, options, (next) => {
      current = next
    }),
  }
}

async function* messagesOf(
  first: UpstreamStreamReply,
  { id, maxDepth, timeoutMs, reopen, signal }: ResumedStreamOptions,
  onReopened: (reply: UpstreamStreamReply) => void,
): AsyncGenerator<UpstreamEvent, void, undefined> {
  const endsAt = performance.now() + timeoutMs
  let reply = first
  let last: Uint8Array | undefined
  let lastEventId: string | undefined
  let retryMs: number | undefined
  let deadline: AbortSignal | undefined
  let failure: unknown
  for (let empty = 0; empty < MAX_EMPTY; empty += 1) {
    failure = undefined
    try {
      for await (const event of reply.messages) {
        empty = 0
        last = event.message
        yield event
      }
    } catch (error) {
      failure = error
    }
    // A stream that was opened again and said nothing leaves it where it was.
    lastEventId = reply.position.lastEventId ?? lastEventId
    retryMs = reply.position.retryMs ?? retryMs
    const isDone = last !== undefined && isResponse(last, id, maxDepth)
    if (isDone || lastEventId === undefined || signal?.aborted === true || deadline?.aborted === true) break
    deadline ??= AbortSignal.timeout(Math.max(1, Math.ceil(endsAt - performance.now())))
    const ends: AbortSignal = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
    const pauseMs = Math.min(retryMs ?? PAUSE_MS.default, PAUSE_MS.most)
    await delay(pauseMs, undefined, { signal: ends }).catch(() => {})
    if (ends.aborted) break
    const next = await reopen(lastEventId, ends).catch((error: unknown) => {
      failure = error
      return undefined
    })
    if (next?.kind !== 'stream') break
    reply = next
    onReopened(next)
  }
  if (deadline?.aborted === true && signal?.aborted !== true) {
    throw new UpstreamError('total_timeout', 'the server did not finish its answer in time', {
      cause: failure,
    })
  }
  if (failure !== undefined) throw failure instanceof Error ? failure : new Error('the stream failed')
}

const isResponse = (message: Uint8Array, id: JsonRpcId, maxDepth: number): boolean => {
  const scanned = scanMessage(message, { maxDepth })
  return scanned.kind === 'response' && scanned.id === id
}
