import type { ScanState } from './scan-state.ts'

// Bytes that a string may not hold as they are: control characters, the quote (0x22) and the backslash (0x5c).
const STOPS_STRING = new Uint8Array(256)
STOPS_STRING.fill(1, 0, 0x20)
STOPS_STRING[0x22] = 1
STOPS_STRING[0x5c] = 1

// What may follow a backslash: the sum of bytes to step over, 0 for an invalid escape.
const ESCAPE_LENGTH = new Uint8Array(256)
for (const character of '"\\/bfnrt') ESCAPE_LENGTH[character.charCodeAt(0)] = 2
ESCAPE_LENGTH[0x75] = 6 // \u and four hexadecimal digits

const IS_HEX = new Uint8Array(256)
for (const character of '0123456789abcdefABCDEF') IS_HEX[character.charCodeAt(0)] = 1

// No byte, not even NUL.
const NO_STOP = -1

// After so many plain bytes it pays to read words.
const NEAR_BYTES = 128

/**
 * Skips a string. `start` is the offset after its opening quote; gives the offset after its closing quote, or -1.
 * Whether bytes beyond ASCII are valid UTF-8 is left to the caller (`state.highBits`).
 */
export function skipString(state: ScanState, start: number): number {
  const bytes = state.bytes
  const end = state.end
  let at = start
  let high = 0
  let escapes = 0
  let near = start + NEAR_BYTES < end ? start + NEAR_BYTES : end
  for (;;) {
    let stop = NO_STOP
    while (at < near) {
      const byte = bytes[at]!
      if (STOPS_STRING[byte] === 0) {
        high |= byte
        at++
        continue
      }
      if (byte === 0x5c && at + 1 < end && ESCAPE_LENGTH[bytes[at + 1]!] === 2) {
        escapes++
        at += 2
        continue
      }
      stop = byte
      break
    }
    if (stop === 0x22) {
      state.highBits |= high
      state.escapes += escapes
      return at + 1
    }
    if (stop !== NO_STOP) {
      if (stop !== 0x5c || !isUnicodeEscape(bytes, at, end)) return state.reject(at)
      escapes++
      at += 6
    } else {
      if (at >= end) return state.reject(at)
      at = skipPlainWords(state, at)
      near = at + NEAR_BYTES < end ? at + NEAR_BYTES : end
    }
  }
}

/** True when the backslash at `at` begins `\u` and four hexadecimal digits. */
function isUnicodeEscape(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + 6 > end || bytes[at + 1] !== 0x75) return false
  return (
    (IS_HEX[bytes[at + 2]!]! &
      IS_HEX[bytes[at + 3]!]! &
      IS_HEX[bytes[at + 4]!]! &
      IS_HEX[bytes[at + 5]!]!) ===
    1
  )
}

/** Steps over plain string bytes 16 at a time; stops before the first 16 that hold a byte of interest. */
function skipPlainWords(state: ScanState, start: number): number {
  const view = state.view()
  const last = state.end - 16
  let at = start
  let high = 0
  while (at <= last) {
    const a = view.getInt32(at, true)
    const b = view.getInt32(at + 4, true)
    const c = view.getInt32(at + 8, true)
    const d = view.getInt32(at + 12, true)
    if (((stops(a) | stops(b) | stops(c) | stops(d)) & 0x80808080) !== 0) break
    high |= a | b | c | d
    at += 16
  }
  if ((high & 0x80808080) !== 0) state.highBits |= 0x80
  return at
}

/**
 * Bit 7 of a byte of the outcome is set when that byte of the word is a control character, a quote or a backslash (and
 * perhaps in bytes above such a one: exact only as the answer to "is there any?"). Flipping bit 1 moves the quote
 * (0x22) down to 0x20 and space and `!` up, so that one comparison finds quote and control characters.
 */
function stops(word: number): number {
  const quoteOrControl = word ^ 0x02020202
  const backslash = word ^ 0x5c5c5c5c
  return ((quoteOrControl - 0x21212121) & ~quoteOrControl) | ((backslash - 0x01010101) & ~backslash)
}
