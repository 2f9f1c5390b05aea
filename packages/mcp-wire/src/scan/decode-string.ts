import { findRecentText, keepRecentText, recentSlot } from './recent-text.ts'
import type { ScanState } from './scan-state.ts'

/** The text of a range of UTF-8 bytes. Ill-formed sequences become U+FFFD. */
export function sliceText(state: ScanState, start: number, end: number): string {
  const slot = recentSlot(state.bytes, start, end)
  if (slot === -1) return state.buffer().toString('utf8', start, end)
  const known = findRecentText(slot, state.bytes, start, end)
  if (known !== undefined) return known
  const text = state.buffer().toString('utf8', start, end)
  keepRecentText(slot, text, end - start)
  return text
}

/** The value of a string of valid JSON; `start` and `end` include its quotes. */
export function decodeString(state: ScanState, start: number, end: number, escaped: boolean): string {
  if (!escaped) return sliceText(state, start + 1, end - 1)
  return String(JSON.parse(state.buffer().toString('utf8', start, end)))
}
