import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import { anyScenario } from '../model/actions.ts'
import { anyConfig, optionsOf } from '../model/config.ts'
import { Player } from '../model/player.ts'
import type { Check } from './check.ts'

/** `observe` admits every call, and goes through the very transitions of `enforce` on the same outcomes. */
export const checkObserve: Check = (library, parameters) => {
  const property = fc.property(anyConfig, anyScenario, (config, scenario) => {
    const actions = scenario.filter(({ do: what }) => !['mode', 'isolate', 'adopt', 'suspect'].includes(what))
    const enforcing = new Player(library, { ...optionsOf(library, config), mode: 'enforce' })
    const observing = new Player(library, { ...optionsOf(library, config), mode: 'observe' })
    const states = enforcing.play(actions).map(({ state, window }) => ({ state, window }))
    const shadow = observing.play(actions)
    assert.deepEqual(
      shadow.map(({ state, window }) => ({ state, window })),
      states,
    )
    assert.deepEqual(observing.transitions, enforcing.transitions)
    assert.ok(
      shadow.every(({ admitted }) => admitted !== false),
      'observe refused a call',
    )
    assert.deepEqual(observing.breaker.stats.rejected, enforcing.breaker.stats.rejected)
  })
  fc.assert(property, parameters)
}
