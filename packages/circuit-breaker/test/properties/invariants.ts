import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import type { CircuitBreaker, TransitionEvent } from '../../src/index.ts'
import { anyScenario } from '../model/actions.ts'
import { anyConfig, optionsOf } from '../model/config.ts'
import { Player } from '../model/player.ts'
import type { Check } from './check.ts'

/** A listener that does one thing of its own at some transition: what it may do to a breaker, it may do from anywhere. */
type Meddler = (breaker: CircuitBreaker) => void

const meddlers: Record<string, Meddler> = {
  nothing: () => {},
  trip: (breaker) => breaker.trip({ openMs: 50 }),
  reset: (breaker) => breaker.reset(),
  acquire: (breaker) => breaker.tryAcquire()?.failure(),
  probe: (breaker) => breaker.tryAcquire()?.success(),
  isolate: (breaker) => breaker.isolate()[Symbol.dispose](),
  record: (breaker) => breaker.record('failure'),
  restore: (breaker) => breaker.restore(breaker.snapshot()),
  throw: () => {
    throw new Error('meddler')
  },
}

/** What holds in every state that any scenario reaches, whatever listeners do on the way. */
export const checkInvariants: Check = (library, parameters) => {
  const anyMeddler = fc.constantFrom(...Object.keys(meddlers))
  const property = fc.property(
    anyConfig,
    anyScenario,
    anyMeddler,
    fc.integer({ min: 1, max: 4 }),
    (config, scenario, who, at) => {
      const player = new Player(library, optionsOf(library, config))
      const { breaker } = player
      let transitions = 0
      const told: TransitionEvent[] = []
      breaker.on('transition', () => {
        if (++transitions === at) meddlers[who]?.(breaker)
      })
      breaker.on('transition', (event) => told.push(event))
      for (const action of scenario) {
        const stale = breaker.stats.stale
        player.do(action)

        // Reading changes nothing, however often, and tells no one anything.
        const before = [breaker.snapshot(), told.length]
        const reading = [breaker.state, breaker.retryAfterMs, breaker.stats]
        assert.deepEqual([breaker.state, breaker.retryAfterMs, breaker.stats], reading)
        assert.deepEqual([breaker.snapshot(), told.length], before)
        const { state, retryAfterMs, stats } = breaker

        // Every permit is somewhere, and stale ones only add up.
        const { acquired, successes, failures, ignored, outstanding } = stats
        assert.equal(acquired, successes + failures + ignored + stats.stale + outstanding)
        assert.ok(outstanding >= 0 && stats.stale >= stale)

        // A window holds no more than happened, and nothing that did not.
        const { window } = stats
        assert.ok(window.failures >= 0 && window.slow >= 0)
        assert.ok(window.failures <= window.calls && window.slow <= window.calls && window.calls <= acquired)

        // There is a time to wait for exactly while there is something to wait for.
        assert.equal(retryAfterMs > 0, state === 'open' || state === 'isolated')

        // A call brings the circuit to where time has brought it, and its listeners with it: now it stays while we look.
        breaker.tryAcquire()?.release()
        const settled = breaker.state
        if (breaker.mode === 'enforce' && (settled === 'open' || settled === 'isolated')) {
          assert.equal(breaker.tryAcquire(), null, 'admitted while open')
        }
        // Never more probes at once than may be, nor than are still needed.
        if (breaker.mode === 'enforce' && settled === 'half-open') {
          const probes = Array.from({ length: 5 }, () => breaker.tryAcquire()).filter(
            (permit) => permit !== null,
          )
          const { passed } = breaker.snapshot()
          assert.ok(probes.every(({ probe }) => probe))
          assert.ok(
            probes.length <= Math.min(config.concurrency, config.successes - passed),
            'too many probes',
          )
          for (const probe of probes) probe.release()
        }
        assert.ok(['closed', 'open', 'half-open', 'isolated'].includes(state))
      }
      // Events chain without a gap, also when a listener causes the next one: it is told after the one before.
      for (const [index, { from, to }] of told.entries()) {
        assert.equal(from, told[index - 1]?.to ?? 'closed', 'a transition is missing')
        assert.notEqual(from, to)
      }
      assert.equal(transitions, told.length)
    },
  )
  fc.assert(property, parameters)
}
