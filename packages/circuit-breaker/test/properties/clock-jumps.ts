import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import { ManualClock } from '../manual-clock.ts'
import { anyScenario } from '../model/actions.ts'
import { anyConfig, optionsOf } from '../model/config.ts'
import { Player } from '../model/player.ts'
import type { Check } from './check.ts'

/** Whatever the wall clock does, every reading and every admission is the same. */
export const checkWallClockJumps: Check = (library, parameters) => {
  const property = fc.property(anyConfig, anyScenario, (config, scenario) => {
    const steady = new Player(library, optionsOf(library, config))
    const jumping = new Player(library, optionsOf(library, config))
    const withoutJumps = scenario.map((action) =>
      action.do === 'jumpWall' ? ({ do: 'advance', ms: 0 } as const) : action,
    )
    assert.deepEqual(jumping.play(scenario), steady.play(withoutJumps))
  })
  fc.assert(property, parameters)
}

/** A monotonic clock that goes back all the same lengthens neither an open period nor a hung probe. */
export const checkClockGoingBack: Check = (library, parameters) => {
  const property = fc.property(
    anyConfig,
    anyScenario,
    fc.nat({ max: 7_200_000 }),
    (config, scenario, backMs) => {
      const clock = new ManualClock()
      const player = new Player(library, optionsOf(library, { ...config, mode: 'enforce' }), clock)
      player.play(scenario.filter(({ do: what }) => what !== 'isolate' && what !== 'mode'))
      // What is due by now has happened: going back does not undo it.
      player.acquire()?.release()
      const longest = player.breaker.retryAfterMs
      const { state } = player.breaker
      clock.jumpMonotonic(-backMs)
      assert.ok(player.breaker.retryAfterMs <= Math.max(longest, player.breaker.snapshot().openForMs))
      if (state === 'open') {
        const { openForMs } = player.breaker.snapshot()
        player.acquire()
        clock.advance(openForMs)
        assert.equal(player.breaker.state, 'half-open')
      } else if (state === 'half-open') {
        player.acquire()
        clock.advance(config.probeTimeoutMs)
        assert.notEqual(player.acquire() ?? player.breaker.state, 'half-open')
      }
    },
  )
  fc.assert(property, parameters)
}
