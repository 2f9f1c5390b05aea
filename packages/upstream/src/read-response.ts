import type { UpstreamReply, UpstreamStreamReply } from '@mreg/mcp-transports'

import { type JsonObject, parseJsonObject } from './json-object.ts'
import { UpstreamError } from './upstream-error.ts'

/**
 * The JSON-RPC response to the one request that was sent, whichever form the reply has. What else comes
 * on a stream before it is dropped, and the stream is ended.
 *
 * @param id of the request. undefined: whatever response comes is taken for it.
 * @throws {UpstreamError} `not_a_message` when there is none, `upstream_status` when it was refused without one.
 */
export const readResponse = async (reply: UpstreamReply, id?: string): Promise<JsonObject> => {
  const response = reply.kind === 'stream' ? await firstResponse(reply, id) : parseReply(reply)
  // A refusal may come from before the server, which knows no ids.
  const isAnother = reply.kind === 'message' && id !== undefined && response?.['id'] !== id
  if (response !== undefined && !isAnother) return response
  if (reply.kind !== 'refused')
    throw new UpstreamError('not_a_message', 'the server gave no answer to the request')
  const { status } = reply
  throw new UpstreamError('upstream_status', `the server answered with HTTP ${status}`, { status })
}

const parseReply = (reply: UpstreamReply): JsonObject | undefined => {
  if (reply.kind === 'message') return parseJsonObject(reply.message)
  return reply.kind === 'refused' ? parseJsonObject(reply.body) : undefined
}

const firstResponse = async (
  reply: UpstreamStreamReply,
  id: string | undefined,
): Promise<JsonObject | undefined> => {
  try {
    for await (const { message } of reply.messages) {
      const parsed = parseJsonObject(message)
      if (parsed === undefined || !('result' in parsed || 'error' in parsed)) continue
      if (id === undefined || parsed['id'] === id) return parsed
    }
    return undefined
  } finally {
    reply.cancel()
  }
}
