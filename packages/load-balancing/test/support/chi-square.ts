import { expect } from 'vitest'

/** Pearson's statistic: how far counts are from what is expected. */
const statistic = (counts: readonly number[], expected: readonly number[]): number =>
  counts.reduce((sum, count, index) => {
    const mean = expected[index] ?? 0
    return sum + (count - mean) ** 2 / mean
  }, 0)

/** The value that chance alone exceeds once in 1 000 times, by Wilson and Hilferty's approximation. */
const criticalValue = (degrees: number): number => {
  const part = 2 / (9 * degrees)
  return degrees * (1 - part + 3.0902 * Math.sqrt(part)) ** 3
}

/**
 * Counts must be as `shares` say, up to what chance does. With fixed seeds it is the same in every run. Not suspiciously
 * even either: what claims to be chance must vary.
 */
export const expectShares = (
  counts: readonly number[],
  shares: readonly number[],
  { isChance = true }: { readonly isChance?: boolean } = {},
): void => {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const whole = shares.reduce((sum, share) => sum + share, 0)
  const expected = shares.map((share) => (total * share) / whole)
  const value = statistic(counts, expected)
  expect(value, `${counts.join(' ')} instead of ${expected.join(' ')}`).toBeLessThan(
    criticalValue(counts.length - 1),
  )
  if (isChance) expect(value).toBeGreaterThan(1e-6)
}

/** How often each id was given. */
export const countBy = (ids: readonly string[], draw: (index: number) => string, times: number): number[] => {
  const counts = new Map(ids.map((id) => [id, 0]))
  for (let index = 0; index < times; index += 1) {
    const id = draw(index)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return [...counts.values()]
}
