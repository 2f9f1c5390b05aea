import { SCANNED } from './scan/scan-limits.ts'
import { ScanState } from './scan/scan-state.ts'
import { skipWhitespace } from './scan/skip-scalar.ts'
import { skipValue } from './scan/skip-value.ts'
import type { Span } from './span.ts'

/**
 * The elements of an array in a message that `scanMessage` accepted, in their order. `array` is the array's span.
 * Throws RangeError when there is no JSON array in that span.
 */
export function listElements(bytes: Uint8Array, array: Span): Span[] {
  const state = new ScanState(bytes.subarray(0, array.end), SCANNED)
  const elements: Span[] = []
  let at = bytes[array.start] === 0x5b ? skipWhitespace(bytes, array.start + 1, state.end) : state.end
  while (at < state.end && bytes[at] !== 0x5d) {
    const end = skipValue(state, at, 0)
    if (end < 0) break
    elements.push({ start: at, end })
    at = skipWhitespace(bytes, end, state.end)
    if (bytes[at] !== 0x2c) break
    at = skipWhitespace(bytes, at + 1, state.end)
  }
  if (at !== array.end - 1 || bytes[at] !== 0x5d) {
    throw new RangeError(
      `There is no JSON array at [${array.start}, ${array.end}) of the ${bytes.length} bytes`,
    )
  }
  return elements
}
