import { setTimeout as delay } from 'node:timers/promises'

import { type JsonRpcId, scanMessage } from '@mreg/mcp-wire'
import type { UpstreamEvent, UpstreamReply, UpstreamStreamReply } from '@mreg/upstream'

export interface ResumedStreamOptions {
  /** The id of the request that the stream answers. */
  readonly id: JsonRpcId
  readonly maxDepth: number
  /** Opens the stream again after the event of that id. */
  readonly reopen: (lastEventId: string) => Promise<UpstreamReply>
  /** Ends the waiting for the server's time. */
  readonly signal: AbortSignal
}

/** How often in a row a stream is opened again that gives nothing. */
const MAX_EMPTY = 5
const PAUSE_MS = { default: 1000, most: 30_000 }

/**
 * An answer that goes on where it was cut: a server of the older era may close the stream of a call before the response, and
 * says with ids of events how to go on. Other replies, and streams without such ids, are given back as they are.
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
  { id, maxDepth, reopen, signal }: ResumedStreamOptions,
  onReopened: (reply: UpstreamStreamReply) => void,
): AsyncGenerator<UpstreamEvent, void, undefined> {
  let reply = first
  let last: Uint8Array | undefined
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
    const { lastEventId, retryMs } = reply.position
    const isDone = last !== undefined && isResponse(last, id, maxDepth)
    if (isDone || lastEventId === undefined || signal.aborted) break
    await delay(Math.min(retryMs ?? PAUSE_MS.default, PAUSE_MS.most), undefined, { signal }).catch(() => {})
    if (signal.aborted) break
    const next = await reopen(lastEventId)
    if (next.kind !== 'stream') break
    reply = next
    onReopened(next)
  }
  if (failure !== undefined) throw failure instanceof Error ? failure : new Error('the stream failed')
}

const isResponse = (message: Uint8Array, id: JsonRpcId, maxDepth: number): boolean => {
  const scanned = scanMessage(message, { maxDepth })
  return scanned.kind === 'response' && scanned.id === id
}
