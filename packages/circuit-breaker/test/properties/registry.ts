import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import { ManualClock } from '../manual-clock.ts'
import type { Check } from './check.ts'

const IDLE_MS = 10_000

/** The registry against a list in the order of use: what it holds, what it lets go, and what it must not. */
export const checkRegistry: Check = (library, parameters) => {
  const anyKey = fc.nat({ max: 11 }).map((key) => `key-${key}`)
  const anyStep = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('get'), key: anyKey }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('peek'), key: anyKey }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('delete'), key: anyKey }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('fail'), key: anyKey }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('recover'), key: anyKey }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('isolate'), key: anyKey }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait'), key: anyKey }) },
  )
  const property = fc.property(
    fc.integer({ min: 1, max: 6 }),
    fc.array(anyStep, { minLength: 10, maxLength: 100, size: 'max' }),
    (max, steps) => {
      const clock = new ManualClock()
      const registry = new library.CircuitBreakerRegistry({
        max,
        idleMs: IDLE_MS,
        defaults: { clock, trip: library.consecutive(1), openMs: 1000 },
      })
      const heard: string[] = []
      registry.on('transition', ({ name, to }) => heard.push(`${name} ${to}`))
      let used: string[] = []
      const mayGo = (key: string): boolean =>
        ['closed', 'half-open'].includes(registry.peek(key)?.state ?? 'closed')
      for (const { do: what, key } of steps) {
        const before = new Map(registry)
        const known = before.has(key)
        const closed = [...before].filter(([, { state }]) => state === 'closed').map(([name]) => name)
        const mayNotGo = [...before].filter(([name]) => !mayGo(name)).map(([name]) => name)
        const notClosed = before.size - closed.length
        if (what === 'wait') clock.advance(1000)
        else if (what === 'peek') assert.equal(registry.peek(key), before.get(key))
        else if (what === 'delete') assert.equal(registry.delete(key), known)
        else if (what === 'isolate') registry.peek(key)?.isolate()
        else if (known || what === 'get') {
          const breaker = registry.get(key)
          assert.equal(breaker.name, key)
          assert.equal(registry.get(key), breaker)
          if (known) assert.equal(breaker, before.get(key), 'another breaker for the same key')
          used = [...used.filter((each) => each !== key), key]
          const heardBefore = heard.length
          if (what === 'fail') breaker.tryAcquire()?.failure()
          if (what === 'recover') breaker.tryAcquire()?.success()
          assert.ok(
            heard.slice(heardBefore).every((event) => event.startsWith(`${key} `)),
            'an event of another key',
          )
        }
        const after = new Map(registry)
        if (what !== 'delete') {
          for (const name of mayNotGo) assert.ok(after.has(name), `${name} was evicted while not closed`)
        }
        if (what !== 'get')
          assert.ok(
            [...after.keys()].every((name) => before.has(name)),
            `${what} made a breaker`,
          )
        // What had to stay for being open goes, once closed, with the next new key.
        const limit = what === 'get' && !known ? max + notClosed : before.size
        assert.ok(after.size <= limit, `${after.size} breakers of ${max}, ${notClosed} not closed`)
        // Room is made by the closed one that was used the longest ago.
        const gone = closed.filter((name) => !after.has(name) && what === 'get')
        if (notClosed === 0) {
          assert.deepEqual(
            gone.toSorted(),
            used
              .filter((name) => closed.includes(name))
              .slice(0, gone.length)
              .toSorted(),
          )
        }
        used = used.filter((name) => after.has(name))
      }
    },
  )
  fc.assert(property, parameters)
}
