import { encodeRequest, findMember, readValue, type ScannedMessage } from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import type { ClientAnswer } from './client-session.ts'
import type { ModernInput } from './modern-request.ts'

/** What a server asks before it goes on with a call. */
export interface InputRound {
  readonly requests: readonly InputRequest[]
  /** The server's own state; undefined: it gave none. */
  readonly requestState: unknown
}

interface InputRequest {
  readonly key: string
  readonly method: string
  readonly params: JsonObject | undefined
}

/** What a server asks for in a result of type `input_required`; undefined when it cannot be understood. */
export const readInputRound = (bytes: Uint8Array, { resultSpan }: ScannedMessage): InputRound | undefined => {
  if (resultSpan === undefined) return undefined
  const requests = findMember(bytes, resultSpan, 'inputRequests')
  const state = findMember(bytes, resultSpan, 'requestState')
  const asked = requests === undefined ? {} : readValue(bytes, requests)
  if (!isJsonObject(asked)) return undefined
  const read = Object.entries(asked).map(([key, request]): InputRequest | undefined => {
    if (!isJsonObject(request) || typeof request['method'] !== 'string') return undefined
    return {
      key,
      method: request['method'],
      params: isJsonObject(request['params']) ? request['params'] : undefined,
    }
  })
  if (read.includes(undefined) || (read.length === 0 && state === undefined)) return undefined
  return {
    requests: read.filter((request) => request !== undefined),
    requestState: state === undefined ? undefined : readValue(bytes, state),
  }
}

/** What the older era calls a request of a server. It names an elicitation by URL, which the newer era does not. */
export const clientRequest = ({ method, params }: InputRequest, id: string): Uint8Array =>
  encodeRequest({
    id,
    method,
    params:
      method === 'elicitation/create' && params?.['mode'] === 'url'
        ? { elicitationId: id, ...params }
        : params,
  })

/** The answers of a client, as the server gets them; undefined when one is missing. */
export const inputOf = (
  { requests, requestState }: InputRound,
  answers: readonly ClientAnswer[],
): ModernInput | undefined => {
  const responses: Record<string, unknown> = {}
  for (const [index, { key }] of requests.entries()) {
    const result = answers[index]?.['result']
    if (!isJsonObject(result)) return undefined
    responses[key] = result
  }
  return { responses: requests.length === 0 ? undefined : responses, requestState }
}
