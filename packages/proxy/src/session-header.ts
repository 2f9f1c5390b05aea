import { ERROR_CODE, HEADER, isLegacyVersion, type JsonRpcId, LEGACY_VERSIONS } from '@mreg/mcp-wire'

import { type Answer, errorAnswer } from './answer.ts'
import type { Exchange } from './exchange.ts'

/** The session token that a client of the older era sent, or the answer to one that sent none or speaks another version. */
export const sessionTokenOf = (exchange: Exchange, id: JsonRpcId | null): string | Answer => {
  const version = exchange.header(HEADER.protocolVersion)
  if (version !== undefined && !isLegacyVersion(version)) {
    const known = LEGACY_VERSIONS.join(', ')
    return badRequest(id, `Protocol version ${JSON.stringify(version)} is not one of ${known}.`)
  }
  const message = 'Send initialize first, then the Mcp-Session-Id that it answers with.'
  return exchange.header(HEADER.sessionId) ?? badRequest(id, message)
}

/** The answer to a token that is not, or no longer, good. */
export const sessionNotFound = (id: JsonRpcId | null): Answer =>
  errorAnswer(404, {
    id,
    code: ERROR_CODE.sessionNotFound,
    message: 'The session is not known or has ended; initialize again.',
  })

const badRequest = (id: JsonRpcId | null, message: string): Answer =>
  errorAnswer(400, { id, code: ERROR_CODE.badRequest, message })
