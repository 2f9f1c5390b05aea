/*
 * These numbers decide which replica a key belongs to, in every process and every version: they must never change.
 */

/** FNV-1a over UTF-16 code units, mixed: 32 bits of a text. */
export const hashText = (text: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    // Keys are compared by code units, so lone surrogates are as good as any other.
    // oxlint-disable-next-line unicorn/prefer-code-point
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return mix(hash)
}

/** The finaliser of MurmurHash3: each bit of what goes in turns half of what comes out. */
export const mix = (bits: number): number => {
  let mixed = bits
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
