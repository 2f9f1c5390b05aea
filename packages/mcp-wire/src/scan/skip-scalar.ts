import type { ScanState } from './scan-state.ts'

/** The offset of the first byte from `at` on that is not JSON white space (space, tab, LF, CR), or `end`. */
export function skipWhitespace(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end) {
    const byte = bytes[at]!
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break
    at++
  }
  return at
}

/** Skips `true`, `false` or `null` at `start`; -1 for anything else. */
export function skipLiteral(state: ScanState, start: number): number {
  const bytes = state.bytes
  if (start + 4 <= state.end) {
    const first = bytes[start]
    if (first === 0x74) {
      if (bytes[start + 1] === 0x72 && bytes[start + 2] === 0x75 && bytes[start + 3] === 0x65)
        return start + 4
    } else if (first === 0x6e) {
      if (bytes[start + 1] === 0x75 && bytes[start + 2] === 0x6c && bytes[start + 3] === 0x6c)
        return start + 4
    } else if (first === 0x66 && start + 5 <= state.end) {
      if (
        bytes[start + 1] === 0x61 &&
        bytes[start + 2] === 0x6c &&
        bytes[start + 3] === 0x73 &&
        bytes[start + 4] === 0x65
      ) {
        return start + 5
      }
    }
  }
  return state.reject(start)
}

/** Skips a number (RFC 8259 section 6) at `start`; -1 for anything else. */
export function skipNumber(state: ScanState, start: number): number {
  const bytes = state.bytes
  const end = state.end
  let at = start
  if (at < end && bytes[at] === 0x2d) at++
  if (at < end && bytes[at] === 0x30) {
    at++
  } else {
    at = skipDigits(state, at)
    if (at < 0) return -1
  }
  if (at < end && bytes[at] === 0x2e) {
    at = skipDigits(state, at + 1)
    if (at < 0) return -1
  }
  if (at < end && (bytes[at]! | 0x20) === 0x65) {
    at++
    if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at++
    at = skipDigits(state, at)
  }
  return at
}

/** Skips one or more digits; -1 when there is none. */
function skipDigits(state: ScanState, start: number): number {
  const bytes = state.bytes
  const end = state.end
  let at = start
  while (at < end) {
    const byte = bytes[at]!
    if (byte < 0x30 || byte > 0x39) break
    at++
  }
  return at === start ? state.reject(at) : at
}
