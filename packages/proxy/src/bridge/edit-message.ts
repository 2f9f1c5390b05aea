import { type Span, type SpliceEdit } from '@mreg/mcp-wire'

const OPENING_BRACE = 0x7b
const CLOSING_BRACE = 0x7d

/** An edit that puts a member first in an object, which must not have it yet. */
export const insertMember = (bytes: Uint8Array, object: Span, key: string, json: string): SpliceEdit => {
  const at = object.start + 1
  let next = at
  while (isJsonSpace(bytes[next])) next += 1
  const comma = bytes[next] === CLOSING_BRACE ? '' : ','
  return { span: { start: at, end: at }, replacement: `${JSON.stringify(key)}:${json}${comma}` }
}

/** Where the object of a scanned message begins and ends. */
export const messageSpan = (bytes: Uint8Array): Span => {
  const start = bytes.indexOf(OPENING_BRACE)
  return { start, end: bytes.lastIndexOf(CLOSING_BRACE) + 1 }
}

const isJsonSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
