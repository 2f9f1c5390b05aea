/** Numbers from 0 to below 1 that look like chance and are the same for the same seed (xorshift, 32 bits). */
export const seededRandom = (seed: number): (() => number) => {
  let state = (seed * 2_654_435_761) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 0x1_0000_0000
  }
}
