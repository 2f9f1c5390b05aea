import { Buffer } from 'node:buffer'

/** An event to encode. A field that is undefined is left out. */
export interface EncodeSseEventOptions {
  /** Split into one `data` line per line of it, so that CR, LF and CRLF all arrive as LF. */
  readonly data?: Uint8Array | string | undefined
  readonly event?: string | undefined
  readonly id?: string | undefined
  /** Reconnection time in milliseconds. */
  readonly retryMs?: number | undefined
}

const DATA = Buffer.from('data: ')
const CR = 0x0d
const LF = 0x0a

/**
 * The bytes of one Server-Sent Event, its blank line included. No input can add a field or end the event early: `data`
 * is split at line ends, and an `event` or `id` with a line end or a NUL throws TypeError. Throws RangeError when
 * `retryMs` is not a non-negative integer.
 */
export function encodeSseEvent({ data, event, id, retryMs }: EncodeSseEventOptions): Uint8Array {
  let head = ''
  if (event !== undefined && event !== '') head += `event: ${oneLine('event', event)}\n`
  if (id !== undefined) head += `id: ${oneLine('id', id)}\n`
  if (retryMs !== undefined) {
    if (!Number.isSafeInteger(retryMs) || retryMs < 0) {
      throw new RangeError(`retryMs must be a non-negative integer, not ${retryMs}`)
    }
    head += `retry: ${retryMs}\n`
  }
  if (data === undefined) return Buffer.from(`${head}\n`, 'utf8')
  if (typeof data === 'string') return Buffer.from(`${head}${lines('data: ', data)}\n`, 'utf8')
  return join(Buffer.from(head, 'utf8'), data)
}

/**
 * The bytes of an SSE comment and a blank line, which clients ignore: what keeps an idle connection alive. Every line
 * of a text of several lines becomes a comment.
 */
export function encodeSseComment(text: string): Uint8Array {
  return Buffer.from(`${lines(': ', text)}\n`, 'utf8')
}

function lines(prefix: string, text: string): string {
  if (!/[\r\n]/.test(text)) return `${prefix}${text}\n`
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => `${prefix}${line}\n`)
    .join('')
}

function join(head: Uint8Array, data: Uint8Array): Uint8Array {
  const parts = splitLines(data)
  let total = head.length + 1
  for (const part of parts) total += DATA.length + part.length + 1
  const encoded = Buffer.allocUnsafe(total)
  encoded.set(head, 0)
  let at = head.length
  for (const part of parts) {
    encoded.set(DATA, at)
    encoded.set(part, at + DATA.length)
    at += DATA.length + part.length
    encoded[at++] = LF
  }
  encoded[at] = LF
  return encoded
}

function splitLines(data: Uint8Array): Uint8Array[] {
  if (!data.includes(LF) && !data.includes(CR)) return [data]
  const parts: Uint8Array[] = []
  let start = 0
  for (let at = 0; at < data.length; at++) {
    const byte = data[at]
    if (byte !== LF && byte !== CR) continue
    parts.push(data.subarray(start, at))
    if (byte === CR && data[at + 1] === LF) at++
    start = at + 1
  }
  parts.push(data.subarray(start))
  return parts
}

function oneLine(field: string, value: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\r\n\0]/.test(value)) throw new TypeError(`The ${field} of an SSE event must not hold CR, LF or NUL`)
  return value
}
