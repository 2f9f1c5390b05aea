import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import type { CircuitSnapshot } from '../../src/index.ts'
import { ManualClock } from '../manual-clock.ts'
import { anyScenario } from '../model/actions.ts'
import { anyConfig, optionsOf } from '../model/config.ts'
import { Player } from '../model/player.ts'
import type { Check } from './check.ts'

/**
 * A breaker restored in another process after a pause does, from then on, what the one that was saved would have done had
 * it waited: with another clock origin, and with nothing in flight or heard from others.
 */
export const checkRestart: Check = (library, parameters) => {
  const anyPause = fc.constantFrom(0, 1, 99, 100, 499, 500, 1000, 3_600_000)
  const property = fc.property(
    anyConfig,
    anyScenario,
    anyScenario,
    anyPause,
    (config, before, after, pauseMs) => {
      const options = { ...optionsOf(library, config), random: () => 0.3 }
      const quiet = (scenario: typeof before): typeof before =>
        scenario.filter(({ do: what }) => !['isolate', 'mode', 'suspect', 'jumpWall'].includes(what))
      const first = new Player(library, options)
      first.play(quiet(before))
      for (const permit of first.permits) permit?.release()
      const saved: CircuitSnapshot = JSON.parse(JSON.stringify(first.breaker.snapshot()))
      const clock = new ManualClock(777)
      clock.jumpWall(first.clock.wallNow() - clock.wallNow())
      first.clock.advance(pauseMs)
      clock.advance(pauseMs)
      const second = new Player(library, options, clock)
      second.breaker.restore(saved)
      assert.deepEqual(second.look(), { ...first.look(), admitted: undefined })
      first.permits.length = 0
      const told = first.transitions.length
      const toldSecond = second.transitions.length
      assert.deepEqual(second.play(quiet(after)), first.play(quiet(after)))
      // What was due when it was saved may be told before or after; the rest is the same.
      const rest = first.transitions.slice(told)
      assert.deepEqual(second.transitions.slice(toldSecond), rest)
    },
  )
  fc.assert(property, parameters)
}
