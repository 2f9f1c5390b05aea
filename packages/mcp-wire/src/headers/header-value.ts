import { Buffer, isUtf8 } from 'node:buffer'

const OPENING = '=?base64?'
const CLOSING = '?='

// Groups of four characters, the last of them padded where needed (RFC 4648 section 4).
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** A header value that is neither plain text nor properly encoded. Answer with HTTP 400 and JSON-RPC code -32020. */
export class HeaderValueError extends Error {
  static {
    this.prototype.name = 'HeaderValueError'
  }

  readonly code = 'ERR_WIRE_HEADER_VALUE'
  readonly reason: 'forbidden_character' | 'bad_base64' | 'bad_utf8'

  constructor(message: string, reason: HeaderValueError['reason']) {
    super(message)
    this.reason = reason
  }

  /** True when `value` is a `HeaderValueError`, also one of another copy of this package. */
  static is(value: unknown): value is HeaderValueError {
    return value instanceof Error && 'code' in value && value.code === 'ERR_WIRE_HEADER_VALUE'
  }
}

/**
 * The form in which a string travels in `Mcp-Name` and `Mcp-Param-*`: itself when it is printable ASCII without
 * blanks at its ends, otherwise `=?base64?…?=` over its UTF-8 bytes. The empty string and one that looks encoded are
 * encoded as well. A lone surrogate, which UTF-8 cannot carry, becomes U+FFFD.
 */
export function encodeHeaderValue(value: string): string {
  const isPlain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)
  if (isPlain && !looksEncoded(value)) return value
  return `${OPENING}${Buffer.from(value, 'utf8').toString('base64')}${CLOSING}`
}

/**
 * The string that a `Mcp-Name` or `Mcp-Param-*` header value stands for. Blanks around it are dropped; a value that
 * lacks one of the two markers is itself. Throws `HeaderValueError` for characters that should have been encoded and
 * for faulty base64 or UTF-8 between the markers.
 */
export function decodeHeaderValue(raw: string): string {
  const value = trimBlanks(raw)
  if (!/^[\t\x20-\x7e]*$/.test(value)) {
    throw new HeaderValueError('The value has characters that must be sent in base64', 'forbidden_character')
  }
  if (!looksEncoded(value)) return value
  const encoded = value.slice(OPENING.length, -CLOSING.length)
  const bytes = Buffer.from(encoded, 'base64')
  // The comparison refuses stray bits in the last group, so that a value has one encoding only.
  if (!BASE64.test(encoded) || bytes.toString('base64') !== encoded) {
    throw new HeaderValueError('The value is marked as base64 but is not', 'bad_base64')
  }
  if (!isUtf8(bytes)) throw new HeaderValueError('The encoded value is not UTF-8', 'bad_utf8')
  return bytes.toString('utf8')
}

/** Drops the blanks (space and tab) that HTTP allows around a field value (RFC 9110 section 5.5). */
export function trimBlanks(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isBlank(value.charCodeAt(start))) start++
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--
  return value.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function looksEncoded(value: string): boolean {
  return (
    value.length >= OPENING.length + CLOSING.length && value.startsWith(OPENING) && value.endsWith(CLOSING)
  )
}
