import { editMembers, findMember, readValue, type Span, type SpliceEdit, spliceMessage } from '@mreg/mcp-wire'

import { type Definition, DEFINITION_LISTS, type DefinitionMarks } from './definition.ts'
import { memberRepairs, valueOf } from './flags/member-shapes.ts'

const OPENING_BRACE = 0x7b
/** Says that a tool has a page of its own; most have none, and need not be read for it. */
const PAGE_MARK = 'resourceUri"'
/** Where a definition has what is known of it, for clients that show it. */
const META_STATE = 'dev.mreg/state'
const META_FLAGS = 'dev.mreg/flags'

/**
 * The definition under the name by which clients call it, with what is to be known of it in its `_meta`, and without what would
 * make clients refuse the whole list. Nothing else in it is changed, but where a tool says which resource is its page (MCP Apps).
 *
 * @param uriOf what clients call a resource of the server.
 */
export const exposeDefinition = (
  definition: Definition,
  exposed: string,
  uriOf: (uri: string) => string,
): Uint8Array => {
  const { kind, name, bytes, marks } = definition
  const edits: SpliceEdit[] = kind === 'tool' ? pageEdits(bytes, uriOf) : []
  if (exposed === name && marks === undefined) return spliceMessage(bytes, edits)
  const { key } = DEFINITION_LISTS[kind]
  const set: (readonly [string, string])[] = exposed === name ? [] : [[key, JSON.stringify(exposed)]]
  const remove: string[] = []
  const isMalformed = marks?.flags?.some(({ code }) => code === 'malformed_member') === true
  for (const { member, json } of isMalformed ? memberRepairs(kind, name, valueOf(definition)) : [])
    if (json === undefined) remove.push(member)
    else set.push([member, json])
  const whole = { start: 0, end: bytes.length }
  const known = marks === undefined ? [] : metaMembers(marks)
  const meta = findMember(bytes, whole, '_meta')
  if (known.length > 0) {
    if (meta !== undefined && bytes[meta.start] === OPENING_BRACE)
      edits.push(...editMembers(bytes, meta, { set: known }))
    else
      set.push(['_meta', `{${known.map(([member, json]) => `${JSON.stringify(member)}:${json}`).join(',')}}`])
  }
  return spliceMessage(bytes, [...edits, ...editMembers(bytes, whole, { set, remove })])
}

const metaMembers = ({ state, flags = [] }: DefinitionMarks): (readonly [string, string])[] => [
  ...(state === undefined ? [] : [[META_STATE, JSON.stringify(state)] as const]),
  ...(flags.length === 0 ? [] : [[META_FLAGS, JSON.stringify(flags)] as const]),
]

/** Where the URI of the page stands: `_meta.ui.resourceUri`, and `_meta["ui/resourceUri"]` as it was before. */
const pageEdits = (bytes: Uint8Array, uriOf: (uri: string) => string): SpliceEdit[] => {
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(PAGE_MARK)) return []
  const memberOf = (object: Span | undefined, key: string): Span | undefined =>
    object !== undefined && bytes[object.start] === OPENING_BRACE ? findMember(bytes, object, key) : undefined
  const meta = memberOf({ start: 0, end: bytes.length }, '_meta')
  const spans = [memberOf(memberOf(meta, 'ui'), 'resourceUri'), memberOf(meta, 'ui/resourceUri')]
  return spans.flatMap((span) => {
    const own = span && readValue(bytes, span)
    if (span === undefined || typeof own !== 'string') return []
    const exposed = uriOf(own)
    return exposed === own ? [] : [{ span, replacement: JSON.stringify(exposed) }]
  })
}
