import { type JsonRpcId, readValue, type ScannedMessage } from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import type { ServerQuestion } from './parked-calls.ts'
import type { CallEvent } from './server-call.ts'

/** What only the older era says in a request to a client. */
const LEGACY_MEMBERS: ReadonlySet<string> = new Set(['_meta', 'task', 'elicitationId'])

/**
 * A request of a server as the question that its client is asked.
 *
 * @param earlier how many questions go before it in the same answer.
 */
export const questionOf = (
  bytes: Uint8Array,
  { method = '', paramsSpan }: ScannedMessage,
  id: JsonRpcId,
  earlier: number,
): ServerQuestion => ({
  id,
  key: earlier === 0 ? method : `${method}-${earlier + 1}`,
  request: requestOf(method, paramsSpan && readValue(bytes, paramsSpan)),
})

/** The answer to a request that its client has to answer first. */
export const inputRequired = (inputRequests: JsonObject, requestState?: string): JsonObject => ({
  resultType: 'input_required',
  inputRequests,
  ...(requestState === undefined ? {} : { requestState }),
})

/** What a server wants that refuses a call until its client has been to some pages; undefined: it does not say which. */
export const urlQuestions = ({ message, scanned }: CallEvent): JsonObject | undefined => {
  const error = scanned.errorSpan && readValue(message, scanned.errorSpan)
  const data = isJsonObject(error) ? error['data'] : undefined
  const elicitations = isJsonObject(data) ? data['elicitations'] : undefined
  if (!Array.isArray(elicitations) || elicitations.length === 0) return undefined
  const requests = (elicitations as readonly unknown[]).map(
    (params, index) => [`url-${index + 1}`, requestOf('elicitation/create', params)] as const,
  )
  return inputRequired(Object.fromEntries(requests))
}

const requestOf = (method: string, params: unknown): JsonObject => {
  const kept = isJsonObject(params) ? Object.entries(params).filter(([key]) => !LEGACY_MEMBERS.has(key)) : []
  return method === 'roots/list' && kept.length === 0
    ? { method }
    : { method, params: Object.fromEntries(kept) }
}
