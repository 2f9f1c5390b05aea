import { Buffer } from 'node:buffer'

import { editMembers, findMember, type JsonRpcId, spliceMessage } from '@mreg/mcp-wire'
import type { UpstreamError } from '@mreg/upstream'

import type { KeptAnswer } from './kept-answer.ts'

/** Says in the `_meta` of a result that it is an older one, how old, and why. */
export const STALE = 'dev.mreg/stale'

/** Clients that keep what they get ask again at least so often, in milliseconds. */
const MAX_TTL_MS = 5000

const OPENING_BRACE = 0x7b

/** The response that stands in for `failure`. */
export const staleResponse = (
  id: JsonRpcId,
  { givenAt, result, ttlMs }: KeptAnswer,
  failure: UpstreamError,
  now: number,
): Uint8Array => {
  const ageMs = Math.max(0, Math.round(now - givenAt))
  const { reason, retryAfterMs } = failure
  const mark = JSON.stringify({ ageMs, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
  const head = Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`)
  return Buffer.concat([head, marked(result, mark, Math.max(0, ttlMs - ageMs)), CLOSING])
}

const CLOSING = Buffer.from('}')

const marked = (result: Uint8Array, mark: string, goodForMs: number): Uint8Array => {
  const whole = { start: 0, end: result.byteLength }
  const set: [string, string][] = []
  if (findMember(result, whole, 'ttlMs') !== undefined)
    set.push(['ttlMs', String(Math.min(MAX_TTL_MS, goodForMs))])
  const meta = findMember(result, whole, '_meta')
  const isObject = meta !== undefined && result[meta.start] === OPENING_BRACE
  if (!isObject) set.push(['_meta', `{${JSON.stringify(STALE)}:${mark}}`])
  return spliceMessage(result, [
    ...editMembers(result, whole, { set }),
    ...(isObject ? editMembers(result, meta, { set: [[STALE, mark]] }) : []),
  ])
}
