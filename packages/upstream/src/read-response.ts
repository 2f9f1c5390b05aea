import type { UpstreamReply, UpstreamStreamReply } from '@mreg/mcp-transports'

import { type JsonObject, parseJsonObject } from './json-object.ts'
import { UpstreamError } from './upstream-error.ts'

/**
 * The JSON-RPC response to the one request that was sent, whichever form the reply has. What else comes
 * on a stream before it is dropped, and the stream is ended.
 *
 * @throws {UpstreamError} `not_a_message` when there is none, `upstream_status` when it was refused without one.
 */
export const readResponse = async (reply: UpstreamReply): Promise<JsonObject> => {
  const response = reply.kind === 'stream' ? await firstResponse(reply) : parseReply(reply)
  if (response !== undefined) return response
  if (reply.kind !== 'refused')
    throw new UpstreamError('not_a_message', 'the server gave no answer to the request')
  const { status } = reply
  throw new UpstreamError('upstream_status', `the server answered with HTTP ${status}`, { status })
}

const parseReply = (reply: UpstreamReply): JsonObject | undefined => {
  if (reply.kind === 'message') return parseJsonObject(reply.message)
  return reply.kind === 'refused' ? parseJsonObject(reply.body) : undefined
}

const firstResponse = async (reply: UpstreamStreamReply): Promise<JsonObject | undefined> => {
  try {
    for await (const { message } of reply.messages) {
      const parsed = parseJsonObject(message)
      if (parsed !== undefined && ('result' in parsed || 'error' in parsed)) return parsed
    }
    return undefined
  } finally {
    reply.cancel()
  }
}
