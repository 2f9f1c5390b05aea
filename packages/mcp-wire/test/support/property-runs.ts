/**
 * How often a property is tried: `normal` times, scaled so that MREG_TEST_RUNS=100000 tries the properties whose `normal` is
 * 3000 a hundred thousand times each, and the others in proportion: more than a million times in all.
 */
export function propertyRuns(normal: number): number {
  const wanted = Number(process.env['MREG_TEST_RUNS'] ?? 3000)
  if (!Number.isInteger(wanted) || wanted < 1)
    throw new RangeError('MREG_TEST_RUNS must be a positive integer')
  return Math.max(1, Math.round((normal * wanted) / 3000))
}

/** So many runs take longer than a test may by default. */
export const PROPERTY_TIMEOUT_MS = 1_800_000
