/** Size of a page of PostgreSQL, in bytes. */
export const PAGE_BYTES = 8192

/** Where a page keeps its checksum, and where the upper bound of its free space, in bytes from its start. */
const CHECKSUM_OFFSET = 8
const UPPER_OFFSET = 14

// PostgreSQL's page checksum: 32 FNV-1a sums side by side over the page as a table of 32 columns, folded into one.
const SUMS = 32
const FNV_PRIME = 16_777_619
// oxfmt-ignore
const STARTS = Uint32Array.of(
  0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c,
  0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb,
  0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4,
  0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756,
)
const sums = new Int32Array(SUMS)

/**
 * Whether a page is as it was written. A page that was never filled has no checksum, and counts as good when it
 * is empty.
 *
 * @param words the page; its checksum is blanked meanwhile.
 * @param block the number of the page in its relation.
 */
export const isSound = (words: Uint32Array, block: number): boolean => {
  const bytes = new DataView(words.buffer, words.byteOffset, PAGE_BYTES)
  if (bytes.getUint16(UPPER_OFFSET, true) === 0) {
    return words.every((word) => word === 0)
  }
  const stored = bytes.getUint16(CHECKSUM_OFFSET, true)
  bytes.setUint16(CHECKSUM_OFFSET, 0, true)
  const computed = (((sumOf(words) ^ block) >>> 0) % 65_535) + 1
  bytes.setUint16(CHECKSUM_OFFSET, stored, true)
  return stored === computed
}

const sumOf = (words: Uint32Array): number => {
  sums.set(STARTS)
  for (let row = 0; row < words.length; row += SUMS) {
    for (let column = 0; column < SUMS; column += 1) {
      mix(column, words[row + column] ?? 0)
    }
  }
  let folded = 0
  for (let column = 0; column < SUMS; column += 1) {
    mix(column, 0)
    mix(column, 0)
    folded ^= sums[column] ?? 0
  }
  return folded
}

const mix = (column: number, word: number): void => {
  const mixed = (sums[column] ?? 0) ^ word
  sums[column] = Math.imul(mixed, FNV_PRIME) ^ (mixed >>> 17)
}
