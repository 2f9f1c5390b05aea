import { Buffer } from 'node:buffer'

import type { Span } from './span.ts'

/**
 * One replacement in a message. `replacement` is JSON text put in as it is (for a string value pass
 * `JSON.stringify(value)`). An empty span (`start === end`) inserts.
 */
export interface SpliceEdit {
  readonly span: Span
  readonly replacement: Uint8Array | string
}

/**
 * A copy of `bytes` with the edits made, in one allocation. Edits may come in any order; two insertions at one place
 * keep theirs. Nothing is parsed: the caller answers for the replacements. With no edits the bytes themselves are given
 * back. Throws RangeError when a span lies outside the bytes or two overlap.
 */
export function spliceMessage(bytes: Uint8Array, edits: readonly SpliceEdit[]): Uint8Array {
  if (edits.length === 0) return bytes
  const ordered =
    edits.length === 1
      ? edits
      : edits.toSorted((a, b) => a.span.start - b.span.start || a.span.end - b.span.end)
  let total = bytes.length
  let previousEnd = 0
  for (const { span, replacement } of ordered) {
    if (!(span.start >= previousEnd && span.end >= span.start && span.end <= bytes.length)) {
      throw new RangeError(
        `Edit [${span.start}, ${span.end}) overlaps another or leaves the ${bytes.length} bytes`,
      )
    }
    previousEnd = span.end
    total += byteLength(replacement) - (span.end - span.start)
  }
  const spliced = Buffer.allocUnsafe(total)
  let from = 0
  let to = 0
  for (const { span, replacement } of ordered) {
    spliced.set(bytes.subarray(from, span.start), to)
    to += span.start - from
    if (typeof replacement === 'string') {
      to += spliced.write(replacement, to, 'utf8')
    } else {
      spliced.set(replacement, to)
      to += replacement.length
    }
    from = span.end
  }
  spliced.set(bytes.subarray(from), to)
  return spliced
}

function byteLength(replacement: Uint8Array | string): number {
  return typeof replacement === 'string' ? Buffer.byteLength(replacement, 'utf8') : replacement.length
}
