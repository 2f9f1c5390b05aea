import * as fc from 'fast-check'

/** Cuts bytes at the given places (taken modulo the length); every chunk lies in memory of its own. */
export function cutInto(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b)
  return [0, ...places].map((start, index) => bytes.slice(start, places[index] ?? bytes.length))
}

/** Places to cut at: none, some, or so many that most chunks are a byte or two. */
export const cuts: fc.Arbitrary<number[]> = fc.oneof(
  fc.constant<number[]>([]),
  fc.array(fc.nat({ max: 5000 }), { maxLength: 6 }),
  fc.array(fc.nat({ max: 100 }), { minLength: 20, maxLength: 100 }),
)
