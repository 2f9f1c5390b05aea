import * as fc from 'fast-check'

import type { Outcome, TransitionRecord } from '../../src/index.ts'

/** One step of a scenario. Numbers that pick something are taken modulo what there is. */
export type Action =
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'acquire'; readonly stamped: boolean }
  | { readonly do: 'settle'; readonly which: number; readonly how: Settlement; readonly stamped: boolean }
  | { readonly do: 'record'; readonly outcome: Outcome; readonly durationMs: number }
  | { readonly do: 'trip'; readonly openMs: number | undefined }
  | { readonly do: 'isolate' }
  | { readonly do: 'resume'; readonly which: number }
  | { readonly do: 'mode'; readonly mode: 'enforce' | 'observe' | 'off' }
  | { readonly do: 'reset' }
  | { readonly do: 'restart' }
  | { readonly do: 'adopt'; readonly record: TransitionRecord }
  | { readonly do: 'suspect'; readonly record: TransitionRecord }
  | { readonly do: 'jumpWall'; readonly ms: number }
  // Whole journeys: by single steps alone hardly any scenario comes to the later states.
  | { readonly do: 'tripIt' }
  | { readonly do: 'waitOpen' }
  | { readonly do: 'probeOk' }

export type Settlement =
  | 'success'
  | 'failure'
  | 'ignored'
  | 'error'
  | 'result'
  | 'retry-later'
  | 'abort'
  | 'dispose'

/** The moments at which something may be off by one: steps of windows, open periods, time limits. */
const boundaries = [100, 200, 300, 500, 700, 800, 900, 1000, 2000, 4000].flatMap((ms) => [ms - 1, ms, ms + 1])
const anyDelay = fc.oneof(
  fc.constantFrom(0, 1, ...boundaries),
  fc.integer({ min: 0, max: 400 }),
  fc.constantFrom(5000, 3_600_000),
)
const index = fc.nat({ max: 40 })
const anyOutcome = fc.constantFrom<Outcome>('success', 'failure', 'failure', 'ignored')
const anySettlement = fc.constantFrom<Settlement>(
  'success',
  'success',
  'failure',
  'failure',
  'error',
  'error',
  'result',
  'ignored',
  'retry-later',
  'abort',
  'dispose',
)

const anyRecord: fc.Arbitrary<TransitionRecord> = fc.record({
  name: fc.constant('model'),
  epoch: fc.integer({ min: 1, max: 12 }),
  origin: fc.constantFrom('elsewhere', 'here', 'zone-2'),
  state: fc.constantFrom('open', 'open', 'closed'),
  openRemainingMs: fc.constantFrom(0, 1, 500, 1500),
})

const anyAction: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('acquire'), stamped: fc.boolean() }) },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('settle'),
      which: index,
      how: anySettlement,
      stamped: fc.boolean(),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('advance'), ms: anyDelay }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('record'),
      outcome: anyOutcome,
      durationMs: fc.constantFrom(0, 300, 301),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tripIt') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('waitOpen') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('probeOk') }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('trip'), openMs: fc.constantFrom(undefined, 1, 700, 3000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('isolate') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('resume'), which: index }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('mode'), mode: fc.constantFrom('enforce', 'observe', 'off') }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('mode'), mode: fc.constant('enforce') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('adopt'), record: anyRecord }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('suspect'), record: anyRecord }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('jumpWall'), ms: fc.constantFrom(-3_600_000, -1, 1, 3_600_000) }),
  },
)

/** Long enough for windows to outlive what they should not: with short scenarios that fault goes unseen. */
export const anyScenario: fc.Arbitrary<readonly Action[]> = fc.array(anyAction, {
  minLength: 10,
  maxLength: 120,
  size: 'max',
})
