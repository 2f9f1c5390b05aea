import fc from 'fast-check'

import {
  consistentHash,
  leastConnections,
  peakEwma,
  random,
  roundRobin,
  type Strategy,
  weighted,
} from '../../src/index.ts'

/** What may happen to a balancer. Numbers choose among what there is at the moment. */
export type Step =
  | { readonly kind: 'update'; readonly ids: readonly string[]; readonly weights: readonly number[] }
  | {
      readonly kind: 'call'
      readonly key: string | undefined
      readonly exclude: number
      readonly eligible: number
    }
  | { readonly kind: 'end'; readonly lease: number; readonly how: 'success' | 'failure' | 'release' }
  | { readonly kind: 'drain' | 'resume' | 'warmUp'; readonly id: string }
  | { readonly kind: 'wait'; readonly ms: number }

export interface Scenario {
  readonly strategy: () => Strategy
  readonly seed: number
  readonly maxEjectedShare: number
  readonly steps: readonly Step[]
}

const ID = fc.constantFrom('a', 'b', 'c', 'd', 'e')

const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('update'),
      ids: fc.uniqueArray(ID, { maxLength: 5 }),
      weights: fc.array(fc.constantFrom(0.1, 1, 1, 3), { minLength: 5, maxLength: 5 }),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('call'),
      key: fc.option(fc.string({ maxLength: 3 }), { nil: undefined }),
      // Bit by bit: whom of the five.
      exclude: fc.oneof(fc.constant(0), fc.nat(31)),
      eligible: fc.oneof(fc.constant(31), fc.nat(31)),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('end'),
      lease: fc.nat(),
      how: fc.constantFrom('success', 'failure', 'failure', 'release'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('drain', 'resume', 'warmUp'), id: ID }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.constantFrom(0, 1, 100, 999, 1000, 60_000) }),
  },
)

/** Any strategy, and anything that may happen. */
export const SCENARIO: fc.Arbitrary<Scenario> = fc.record({
  strategy: fc.constantFrom<(() => Strategy)[]>(
    roundRobin,
    weighted,
    leastConnections,
    random,
    consistentHash,
    () => consistentHash({ maxLoadFactor: 1.25 }),
    peakEwma,
  ),
  seed: fc.integer({ min: 1 }),
  maxEjectedShare: fc.constantFrom(0.2, 0.5, 1),
  steps: fc.array(STEP, { minLength: 1, maxLength: 80, size: 'max' }),
})
