import { Buffer } from 'node:buffer'

import { decodeString } from './scan/decode-string.ts'
import { SCANNED } from './scan/scan-limits.ts'
import { ScanState } from './scan/scan-state.ts'
import { skipWhitespace } from './scan/skip-scalar.ts'
import { skipString } from './scan/skip-string.ts'
import { skipColon, skipValue } from './scan/skip-value.ts'
import type { Span } from './span.ts'
import type { SpliceEdit } from './splice-message.ts'

/** A member of an object in a message. */
export interface Member {
  /** The key, decoded. */
  readonly key: string
  /** The raw key with its quotes. */
  readonly keySpan: Span
  readonly valueSpan: Span
}

/** The changes to the members of one object; keys not named stay as they are. */
export interface MemberChanges {
  /** Keys and the JSON texts of their values: an existing member gets the value in place, a new one comes last. */
  readonly set?: readonly (readonly [key: string, json: string])[] | undefined
  /** Keys to drop; those the object does not have are ignored. A key that is also set is not dropped. */
  readonly remove?: readonly string[] | undefined
}

/**
 * The members of an object in a message that `scanMessage` accepted, in their order. `object` is the object's span.
 * Throws RangeError when there is no JSON object in that span.
 */
export function listMembers(bytes: Uint8Array, object: Span): Member[] {
  const state = new ScanState(bytes.subarray(0, object.end), SCANNED)
  const members: Member[] = []
  let at = bytes[object.start] === 0x7b ? skipWhitespace(bytes, object.start + 1, state.end) : state.end
  while (at < state.end && bytes[at] !== 0x7d) {
    const member = readMember(state, at)
    if (member === undefined) break
    members.push(member)
    at = skipWhitespace(bytes, member.valueSpan.end, state.end)
    if (bytes[at] === 0x2c) at = skipWhitespace(bytes, at + 1, state.end)
  }
  if (at !== object.end - 1 || bytes[at] !== 0x7d) {
    throw new RangeError(
      `There is no JSON object at [${object.start}, ${object.end}) of the ${bytes.length} bytes`,
    )
  }
  return members
}

function readMember(state: ScanState, start: number): Member | undefined {
  if (state.bytes[start] !== 0x22) return undefined
  const escapes = state.escapes
  const keyEnd = skipString(state, start + 1)
  if (keyEnd < 0) return undefined
  const escaped = state.escapes !== escapes
  const colon = skipColon(state, keyEnd)
  if (colon < 0) return undefined
  const valueStart = skipWhitespace(state.bytes, colon, state.end)
  const valueEnd = skipValue(state, valueStart, 0)
  if (valueEnd < 0) return undefined
  const key = decodeString(state, start, keyEnd, escaped)
  return { key, keySpan: { start, end: keyEnd }, valueSpan: { start: valueStart, end: valueEnd } }
}

/**
 * The span of the value that an object in a scanned message has for a key; undefined when it has none. Throws
 * RangeError when there is no JSON object in the span.
 */
export function findMember(bytes: Uint8Array, object: Span, key: string): Span | undefined {
  return listMembers(bytes, object).findLast((member) => member.key === key)?.valueSpan
}

/**
 * The edits for `spliceMessage` that change an object in a scanned message. They never overlap one another; do not
 * combine them with other edits inside the members they change. Throws RangeError when there is no JSON object in the
 * span.
 */
export function editMembers(
  bytes: Uint8Array,
  object: Span,
  { set = [], remove = [] }: MemberChanges,
): SpliceEdit[] {
  const values = new Map(set)
  const dropped = new Set(remove.filter((key) => !values.has(key)))
  const members = listMembers(bytes, object)
  const edits: SpliceEdit[] = []
  let previous: Member | undefined
  let hasKept = false
  for (const [index, member] of members.entries()) {
    if (dropped.has(member.key)) {
      const next = members[index + 1]
      // With the comma before it, when something stays before it; else with the comma after it.
      const start = hasKept && previous !== undefined ? previous.valueSpan.end : member.keySpan.start
      const end = hasKept || next === undefined ? member.valueSpan.end : next.keySpan.start
      edits.push({ span: { start, end }, replacement: '' })
    } else {
      hasKept = true
      const value = values.get(member.key)
      if (value !== undefined) edits.push({ span: member.valueSpan, replacement: value })
    }
    previous = member
  }
  const added = additions(values, members)
  if (added.length > 0) {
    const at = object.end - 1
    edits.push({ span: { start: at, end: at }, replacement: `${hasKept ? ',' : ''}${added.join(',')}` })
  }
  return edits
}

function additions(values: ReadonlyMap<string, string>, members: readonly Member[]): string[] {
  const present = new Set(members.map(({ key }) => key))
  return [...values]
    .filter(([key]) => !present.has(key))
    .map(([key, json]) => `${JSON.stringify(key)}:${json}`)
}

/** The value of a span of a scanned message, by `JSON.parse`. For parts that are small and wanted as a whole. */
export function readValue(bytes: Uint8Array, span: Span): unknown {
  return JSON.parse(
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8', span.start, span.end),
  )
}
