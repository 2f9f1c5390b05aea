import type { UpstreamRefusedReply } from '@mreg/mcp-transports'
import { ERROR_CODE, isModernVersion, isRecognisedModernError } from '@mreg/mcp-wire'

import { isJsonObject, parseJsonObject } from '../json-object.ts'
import type { EndpointEra } from './endpoint-era.ts'

/** Statuses with which a server says that it does not understand the request. */
const NOT_UNDERSTOOD: ReadonlySet<number> = new Set([400, 404, 405])

/** Codes with which a modern server refuses as well: they say nothing of its era. */
const AMBIGUOUS: ReadonlySet<number> = new Set([
  ERROR_CODE.methodNotFound,
  ERROR_CODE.invalidParams,
  ERROR_CODE.internal,
])

/**
 * Learns from a refusal which era a server speaks: an error that only modern servers have proves one, and to a request of
 * the older era it says that there is no other. One that does not understand a modern request is to be asked again, or
 * is taken for an older one where nothing is known of it.
 */
export const learnFromRefusal = (
  era: EndpointEra,
  { status, body }: UpstreamRefusedReply,
  protocolVersion: string | undefined,
): void => {
  if (!NOT_UNDERSTOOD.has(status)) return
  const isModernRequest = protocolVersion !== undefined && isModernVersion(protocolVersion)
  const error = parseJsonObject(body)?.['error']
  const code = isJsonObject(error) && typeof error['code'] === 'number' ? error['code'] : undefined
  if (isRecognisedModernError(code)) {
    const legacy = !isModernRequest && code === ERROR_CODE.unsupportedVersion ? false : undefined
    era.learn({ modern: true, legacy })
  } else if (isModernRequest && (code === undefined || !AMBIGUOUS.has(code))) {
    // Where nothing could be found out by asking, as of a server that answers only those who are logged in, this is what there is.
    if (era.ageMs === undefined) era.learn({ modern: false })
    else era.doubt()
  }
}
