// Methods, versions and names come again and again; looking one up costs less than decoding it.
const SLOTS = 256
const MAX_TEXT_BYTES = 48
const recent: string[] = Array.from({ length: SLOTS }, () => '')

/** The slot that a short text belongs to, or -1 for one that is not kept. */
export function recentSlot(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length === 0 || length > MAX_TEXT_BYTES) return -1
  const sample = bytes[start]! + (bytes[(start + end) >> 1]! << 8) + (bytes[end - 1]! << 16) + (length << 24)
  return Math.imul(sample, 0x9e3779b1) >>> 24
}

/** The text kept in a slot when it is that of these bytes. */
export function findRecentText(
  slot: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): string | undefined {
  const text = recent[slot]!
  if (text.length !== end - start) return undefined
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) !== bytes[start + index]) return undefined
  }
  return text
}

/** Keeps a text, if it is ASCII: then, and only then, it has as many characters as bytes. */
export function keepRecentText(slot: number, text: string, lengthBytes: number): void {
  if (text.length === lengthBytes) recent[slot] = text
}
