import { decodeString } from './decode-string.ts'
import { KeyTable } from './key-table.ts'
import { MAX_SCAN_DEPTH } from './scan-limits.ts'
import type { ScanState } from './scan-state.ts'

// Up to this many keys of one object are compared one with the other; beyond, a table takes over.
const FEW_KEYS = 16

// Scratch space for the keys of the objects that are open, one row per depth. A scan is synchronous and never nests in
// another one, so one copy serves all.
const counts = new Int32Array(MAX_SCAN_DEPTH + 1)
const signatures = new Int32Array((MAX_SCAN_DEPTH + 1) * FEW_KEYS)
const starts = new Int32Array((MAX_SCAN_DEPTH + 1) * FEW_KEYS)
const tables = new Map<number, KeyTable>()

// The count of an object whose keys are in a table.
const IN_TABLE = -1

/** Says that an object begins at this depth: it has no keys yet. */
export function openKeys(depth: number): void {
  counts[depth] = 0
}

/** Lets go of what the scratch space holds of a message. */
export function releaseKeys(): void {
  if (tables.size > 0) tables.clear()
}

/** Length, first, middle and last byte of a raw key in one number: enough to tell most keys apart. */
export function keySignature(bytes: Uint8Array, start: number, end: number): number {
  if (end === start) return 0
  return ((end - start) << 24) | (bytes[start]! << 16) | (bytes[(start + end) >> 1]! << 8) | bytes[end - 1]!
}

/**
 * Adds a key (raw bytes between its quotes) to the object at this depth and records it in the state when the object has
 * it already. Keys are equal when they decode to the same string.
 */
export function noteKey(
  state: ScanState,
  depth: number,
  start: number,
  end: number,
  signature: number,
  escaped: boolean,
): void {
  const count = counts[depth]!
  const row = depth * FEW_KEYS
  if (count === IN_TABLE || count === FEW_KEYS || escaped) {
    noteInTable(state, depth, start, end, escaped)
    return
  }
  for (let index = row; index < row + count; index++) {
    if (signatures[index] === signature && sameKey(state.bytes, starts[index]!, start, end)) {
      noteDuplicate(state, start)
      return
    }
  }
  signatures[row + count] = signature
  starts[row + count] = start
  counts[depth] = count + 1
}

function sameKey(bytes: Uint8Array, other: number, start: number, end: number): boolean {
  for (let at = start, otherAt = other; at <= end; at++, otherAt++) {
    // `at === end` compares the closing quotes: the lengths.
    if (bytes[at] !== bytes[otherAt]) return false
  }
  return true
}

/** The way for objects with many keys or with escapes in a key. */
function noteInTable(state: ScanState, depth: number, start: number, end: number, escaped: boolean): void {
  const keys = counts[depth] === IN_TABLE ? tables.get(depth)! : moveToTable(state, depth)
  const isNew = escaped ? keys.addDecoded(decodeString(state, start - 1, end + 1, true)) : keys.addRaw(start)
  if (!isNew) noteDuplicate(state, start)
}

function moveToTable(state: ScanState, depth: number): KeyTable {
  const keys = new KeyTable(state.bytes)
  const row = depth * FEW_KEYS
  for (let index = row; index < row + counts[depth]!; index++) keys.addRaw(starts[index]!)
  counts[depth] = IN_TABLE
  tables.set(depth, keys)
  return keys
}

function noteDuplicate(state: ScanState, at: number): void {
  if (state.duplicateAt === -1) state.duplicateAt = at
}
