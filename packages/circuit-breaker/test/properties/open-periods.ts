import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import type { Check } from './check.ts'

/** Open periods lie within [initial * (1 - jitter), max * (1 + jitter)], never less than the one before, never NaN. */
export const checkOpenPeriods: Check = (library, parameters) => {
  const anyOptions = fc.record({
    initialMs: fc.double({ min: 0.001, max: 1e6, noNaN: true }),
    factor: fc.double({ min: 1, max: 100, noNaN: true }),
    more: fc.double({ min: 1, max: 1e6, noNaN: true }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  const anyOpening = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(1000, 1e6))
  const anyRandom = fc.oneof(
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    fc.constantFrom(0, 1 - 2 ** -53),
  )
  const property = fc.property(
    anyOptions,
    anyOpening,
    anyRandom,
    ({ initialMs, factor, more, jitter }, opening, random) => {
      const maxMs = initialMs * more
      const duration = library.backoff({ initialMs, factor, maxMs, jitter })
      const openMs = duration(opening, random)
      const slack = 1 + 1e-9
      assert.ok(openMs * slack >= initialMs * (1 - jitter), `${openMs} is too short`)
      assert.ok(openMs <= maxMs * (1 + jitter) * slack, `${openMs} is too long`)
      assert.ok(duration(opening + 1, random) * slack >= openMs, 'a later opening is shorter')
      assert.equal(library.backoff({ initialMs, factor, maxMs, jitter: 0 })(1, random), initialMs)
    },
  )
  fc.assert(property, parameters)
}
