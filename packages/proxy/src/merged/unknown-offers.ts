import { ERROR_CODE, type JsonRpcId } from '@mreg/mcp-wire'
import { type CatalogServer, needsLogin } from '@mreg/registry'

import { type Answer, errorAnswer } from '../answer.ts'
import { NOT_ANSWERED_YET } from './followed-server.ts'
import { isNamedAfter } from './named-after.ts'

/** Servers that are named in one error. */
const MAX_NAMED = 10
/** When it makes sense to ask again, in milliseconds: they are asked again all the time. */
const RETRY_AFTER_MS = 5000

/**
 * The answer in place of a list that would be empty only because no server can be reached and nothing was ever known of one: who got
 * an empty list would believe it. undefined: something is known, or a server may still answer.
 */
export const unknownListAnswer = (
  id: JsonRpcId,
  servers: readonly CatalogServer[],
  requestId: string,
): Answer | undefined => {
  if (servers.length === 0 || !servers.every(isUnknown)) return undefined
  const named = servers.slice(0, MAX_NAMED)
  const reasons = named.map(({ slug, unavailable }) => `"${slug}": ${unavailable?.reason}`)
  return errorAnswer(200, {
    id,
    code: ERROR_CODE.internal,
    message: `No server could be asked what it offers (${reasons.join('; ')}).`,
    data: {
      reason: 'list_not_known_yet',
      servers: named.map(({ slug, unavailable }) => ({ server: slug, code: unavailable?.code })),
      requestId,
      retryAfterMs: RETRY_AFTER_MS,
    },
  })
}

/** The answer to a request for something of a server of which nothing is known, because it is away; undefined: of no such. */
export const unknownOwnerAnswer = (
  id: JsonRpcId,
  named: string,
  servers: readonly CatalogServer[],
  requestId: string,
): Answer | undefined => {
  const server = servers.find(
    (each) =>
      each.definitions.length === 0 &&
      each.unavailable !== undefined &&
      !needsLogin(each) &&
      isNamedAfter(named, each.slug),
  )
  if (server?.unavailable === undefined) return undefined
  const { slug, unavailable } = server
  return errorAnswer(200, {
    id,
    code: ERROR_CODE.internal,
    message: `What the server "${slug}" offers is not known: ${unavailable.reason}`,
    data: {
      reason: unavailable.code ?? 'unavailable',
      server: slug,
      requestId,
      retryAfterMs: RETRY_AFTER_MS,
    },
  })
}

const isUnknown = (server: CatalogServer): boolean =>
  server.unavailable !== undefined &&
  server.unavailable.code !== NOT_ANSWERED_YET &&
  server.definitions.length === 0 &&
  !needsLogin(server)
