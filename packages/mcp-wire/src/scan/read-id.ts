import type { JsonRpcId } from '../scanned-message.ts'
import { decodeString, sliceText } from './decode-string.ts'
import type { ScanState } from './scan-state.ts'

/**
 * The value of an id or progress token in valid JSON: a string, or a number that is an integer a double holds exactly
 * (`1` and `1.0`, not `1.5`, `1e2` or 2^53). Undefined for anything else and for raw text over `maxIdBytes`.
 */
export function readId(
  state: ScanState,
  start: number,
  end: number,
  escaped: boolean,
): JsonRpcId | undefined {
  if (end - start > state.maxIdBytes) return undefined
  const first = state.bytes[start]!
  if (first === 0x22) return decodeString(state, start, end, escaped)
  if (first !== 0x2d && (first < 0x30 || first > 0x39)) return undefined
  return readSmallInteger(state.bytes, start, end) ?? readInteger(sliceText(state, start, end))
}

/** The common case without a detour over text: up to 15 digits. */
function readSmallInteger(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (end - start > 15) return undefined
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return value
}

function readInteger(text: string): number | undefined {
  if (!/^-?\d+(?:\.0+)?$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value + 0 : undefined // + 0 makes -0 the zero it is equal to
}
