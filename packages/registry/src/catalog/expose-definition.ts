import { findMember, spliceMessage } from '@mreg/mcp-wire'

import { type Definition, DEFINITION_LISTS } from './definition.ts'

/** The definition under the name by which clients call it. Nothing else in it is changed. */
export const exposeDefinition = ({ kind, name, bytes }: Definition, exposed: string): Uint8Array => {
  if (exposed === name) return bytes
  const span = findMember(bytes, { start: 0, end: bytes.length }, DEFINITION_LISTS[kind].key)
  return span === undefined ? bytes : spliceMessage(bytes, [{ span, replacement: JSON.stringify(exposed) }])
}
