import { keySignature, noteKey, openKeys } from './key-register.ts'
import { MAX_SCAN_DEPTH } from './scan-limits.ts'
import type { ScanState } from './scan-state.ts'
import { skipLiteral, skipNumber, skipWhitespace } from './skip-scalar.ts'
import { skipString } from './skip-string.ts'

// The byte that closes the container open at each depth: scratch space, see key-register.ts.
const closers = new Uint8Array(MAX_SCAN_DEPTH + 1)

/**
 * Skips one JSON value of any kind, with white space before it. `depth` is the number of containers open around it.
 * Gives the offset after the value, or -1. Iterative: the nesting of the text never becomes nesting of calls.
 */
export function skipValue(state: ScanState, start: number, depth: number): number {
  const bytes = state.bytes
  const end = state.end
  let open = depth
  let at = start
  for (;;) {
    at = skipWhitespace(bytes, at, end)
    if (at >= end) return state.reject(at)
    const byte = bytes[at]!
    if (byte === 0x22) {
      at = skipString(state, at + 1)
    } else if (byte === 0x7b || byte === 0x5b) {
      if (open >= state.maxDepth) return state.rejectDepth(at)
      open++
      const closer = byte + 2 // `}` is `{` + 2, `]` is `[` + 2
      closers[open] = closer
      at = skipWhitespace(bytes, at + 1, end)
      if (at < end && bytes[at] === closer) {
        at++
        open--
      } else if (closer === 0x7d) {
        openKeys(open)
        at = skipKey(state, at, open)
        if (at < 0) return -1
        continue
      } else {
        continue
      }
    } else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      at = skipNumber(state, at)
    } else {
      at = skipLiteral(state, at)
    }
    if (at < 0) return -1

    // A value has ended: close what ends with it, up to the next comma.
    for (;;) {
      if (open === depth) return at
      at = skipWhitespace(bytes, at, end)
      if (at >= end) return state.reject(at)
      const next = bytes[at]!
      if (next === 0x2c) {
        at++
        if (closers[open] === 0x7d) {
          at = skipKey(state, skipWhitespace(bytes, at, end), open)
          if (at < 0) return -1
        }
        break
      }
      if (next !== closers[open]) return state.reject(at)
      open--
      at++
    }
  }
}

/** Skips a key and its colon, and notes the key. */
function skipKey(state: ScanState, start: number, depth: number): number {
  const bytes = state.bytes
  if (start >= state.end || bytes[start] !== 0x22) return state.reject(start)
  const escapes = state.escapes
  const after = skipString(state, start + 1)
  if (after < 0) return -1
  if (state.deepDuplicates) {
    const signature = keySignature(bytes, start + 1, after - 1)
    noteKey(state, depth, start + 1, after - 1, signature, state.escapes !== escapes)
  }
  return skipColon(state, after)
}

/** Skips the colon after a key, with white space before it. */
export function skipColon(state: ScanState, start: number): number {
  const at = skipWhitespace(state.bytes, start, state.end)
  if (at >= state.end || state.bytes[at] !== 0x3a) return state.reject(at)
  return at + 1
}
