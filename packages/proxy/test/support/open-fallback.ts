import { type Cache, createMemoryCache } from '@mreg/cache'
import { expect } from 'vitest'

import { Fallback, type FallbackOptions } from '../../src/index.ts'

export interface OpenFallback {
  readonly fallback: Fallback
  /** The time that passes for it, in milliseconds since 1970. */
  readonly clock: { now: number }
  /** Waits until so many answers have been written since the start. */
  readonly kept: (count: number) => Promise<void>
}

/** Has older answers stand in, with a clock that the test moves. */
export const openFallback = (
  options: Partial<FallbackOptions> & { readonly cache?: Cache } = {},
): OpenFallback => {
  const clock = { now: Date.now() }
  const fallback = new Fallback({
    cache: createMemoryCache(),
    maxStaleMs: 60_000,
    maxAnswerBytes: 1_048_576,
    maxJsonDepth: 64,
    now: () => clock.now,
    ...options,
  })
  return {
    fallback,
    clock,
    kept: async (count) => {
      await expect.poll(() => fallback.figures.kept).toBe(count)
    },
  }
}
