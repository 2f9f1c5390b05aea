import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import { anyScenario } from '../model/actions.ts'
import { anyConfig, optionsOf } from '../model/config.ts'
import { Player } from '../model/player.ts'
import type { Check } from './check.ts'

/**
 * From wherever a scenario leads, once the upstream is healthy and time goes on, the circuit is closed within a bounded
 * number of calls, though calls of before hang for ever.
 */
export const checkLiveness: Check = (library, parameters) => {
  const property = fc.property(anyConfig, anyScenario, (config, scenario) => {
    const player = new Player(library, optionsOf(library, config))
    player.play(scenario.filter(({ do: what }) => what !== 'isolate' && what !== 'mode'))
    for (let call = 0; call < 12 && player.breaker.state !== 'closed'; call++) {
      player.acquire()?.success()
      // A probe of before that hangs is taken back in its time, the open period that follows is waited for.
      player.clock.advance(
        player.breaker.state === 'open' ? player.breaker.retryAfterMs : config.probeTimeoutMs,
      )
    }
    assert.equal(player.breaker.state, 'closed')
    assert.ok(player.acquire(), 'a closed circuit refused a call')
  })
  fc.assert(property, parameters)
}
