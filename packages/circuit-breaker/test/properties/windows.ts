import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import type { Check } from './check.ts'

interface Step {
  readonly waitMs: number
  readonly failed: boolean
  readonly slow: boolean
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  waitMs: fc.oneof(
    fc.constantFrom(0, 1, 99, 100, 101, 299, 300, 499, 500, 899, 900, 999, 1000, 1001),
    fc.nat({ max: 150 }),
  ),
  failed: fc.boolean(),
  slow: fc.boolean(),
})

const count = (steps: readonly Step[]): unknown => ({
  calls: steps.length,
  failures: steps.filter(({ failed }) => failed).length,
  slow: steps.filter(({ slow }) => slow).length,
})

/**
 * Windows on their own, filled without ever opening: at every moment they hold exactly what is young enough, also when one
 * of two has had enough, after being saved and loaded, and after any pause.
 */
export const checkWindows: Check = (library, parameters) => {
  const property = fc.property(
    fc.integer({ min: 1, max: 40 }),
    fc.constantFrom(1, 2, 5, 10),
    fc.array(anyStep, { minLength: 10, maxLength: 100, size: 'max' }),
    fc.nat({ max: 99 }),
    (size, buckets, steps, restartAt) => {
      const countRule = library.countWindow({ size, failureRate: 1 })
      const timeRule = library.timeWindow({ windowMs: 1000, buckets, minCalls: 1_000_000 })
      let now = 5000
      const counted = countRule.open(now)
      const timed = timeRule.open(now)
      let both = library.anyOf(countRule, timeRule).open(now)
      const origin = now
      const held: { step: Step; at: number }[] = []
      const bucketOf = (time: number): number => Math.floor((time - origin) / (1000 / buckets))
      for (const [index, step] of steps.entries()) {
        now += step.waitMs
        for (const window of [counted, timed, both]) window.record(step.failed, step.slow, now)
        held.push({ step, at: now })
        if (index === restartAt) {
          const saved = JSON.parse(JSON.stringify(both.save(now)))
          both = library.anyOf(countRule, timeRule).open(now)
          assert.ok(both.load(saved, now))
        }
        const last = held.slice(-size).map(({ step: each }) => each)
        const young = held
          .filter(({ at }) => bucketOf(now) - bucketOf(at) < buckets)
          .map(({ step: each }) => each)
        assert.deepEqual(counted.totals(now), count(last), 'count window')
        assert.deepEqual(timed.totals(now), count(young), 'time window')
        const [a, b] = [counted.totals(now), timed.totals(now)]
        assert.deepEqual(both.totals(now), {
          calls: Math.max(a.calls, b.calls),
          failures: Math.max(a.failures, b.failures),
          slow: Math.max(a.slow, b.slow),
        })
        assert.deepEqual(timed.totals(now + 1000), { calls: 0, failures: 0, slow: 0 }, 'idle')
      }
    },
  )
  fc.assert(property, parameters)
}
