import type { HeaderField } from '@mreg/http-pool'
import { HEADER } from '@mreg/mcp-wire'

import type { UpstreamRequestOptions } from './upstream-transport.ts'

/** The header fields of a request: `own`, then session and version, then the caller's that are not among them. */
export const requestFields = (
  own: readonly HeaderField[],
  { sessionId, protocolVersion, headers = [] }: UpstreamRequestOptions,
): HeaderField[] => {
  const fields = [...own]
  if (sessionId !== undefined) fields.push([HEADER.sessionId, sessionId])
  if (protocolVersion !== undefined) fields.push([HEADER.protocolVersion, protocolVersion])
  const ownCount = fields.length
  for (const field of headers) {
    const name = field[0].toLowerCase()
    let isOwn = false
    for (let index = 0; index < ownCount && !isOwn; index += 1) isOwn = fields[index]?.[0] === name
    if (!isOwn) fields.push(field)
  }
  return fields
}
