import type { UpstreamReply } from '@mreg/mcp-transports'

import { isJsonObject, parseJsonObject } from './json-object.ts'
import type { OpenedSession } from './legacy-session.ts'

const METHOD_NOT_FOUND = -32601

/** What servers say that have forgotten a session, and those that know of none since they were started. */
const SPEAKS_OF_SESSION = /session|not initiali[sz]ed/iu

/**
 * Whether a refusal says that the upstream does not know the session (any more), so that nothing was
 * executed and the message may be sent again in a new session.
 *
 * The specification says 404 for a session that was named. Servers that were made from the TypeScript
 * SDK's examples say 400 with a JSON-RPC error that speaks of the session. A bare 404 to a GET says
 * nothing: many servers have no route there at all.
 */
export const isSessionLost = (
  reply: UpstreamReply,
  how: 'send' | 'listen',
  { sessionId }: OpenedSession,
): boolean => {
  if (reply.kind !== 'refused') return false
  if (reply.status !== 404 && reply.status !== 400) return false
  const error = parseJsonObject(reply.body)?.['error']
  if (!isJsonObject(error)) return reply.status === 404 && how === 'send' && sessionId !== undefined
  if (reply.status === 404 && sessionId !== undefined) return error['code'] !== METHOD_NOT_FOUND
  return typeof error['message'] === 'string' && SPEAKS_OF_SESSION.test(error['message'])
}
