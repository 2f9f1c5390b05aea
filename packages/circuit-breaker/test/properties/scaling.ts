import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import { anyScenario } from '../model/actions.ts'
import { anyConfig, optionsOf, type Config, type RuleConfig } from '../model/config.ts'
import { Player } from '../model/player.ts'
import type { Check } from './check.ts'

const scaleRule = (rule: RuleConfig, by: number): RuleConfig => {
  if (rule.kind === 'time') return { ...rule, windowMs: rule.windowMs * by }
  return rule.kind === 'overdue' ? { ...rule, afterMs: rule.afterMs * by } : rule
}

const scaleConfig = (config: Config, by: number): Config => ({
  ...config,
  rules: config.rules.map((rule) => scaleRule(rule, by)),
  openMs: config.openMs * by,
  maxOpenMs: config.maxOpenMs * by,
  probeTimeoutMs: config.probeTimeoutMs * by,
  slowMs: config.slowMs === undefined ? undefined : config.slowMs * by,
})

/** No hidden duration: with every option and the clock four times as slow, the same scenario shows the same. */
export const checkScaling: Check = (library, parameters) => {
  const property = fc.property(anyConfig, anyScenario, (config, actions) => {
    const one = new Player(library, optionsOf(library, config))
    const four = new Player(library, optionsOf(library, scaleConfig(config, 4)), undefined, 4)
    assert.deepEqual(four.play(actions), one.play(actions))
    assert.deepEqual(four.transitions, one.transitions)
  })
  fc.assert(property, parameters)
}

/** Calls that start and end within one instant are interchangeable: which permit carries which outcome shows nowhere. */
export const checkRelabelling: Check = (library, parameters) => {
  const anyRound = fc.record({
    outcomes: fc.array(fc.constantFrom('success', 'failure', 'ignored'), { minLength: 1, maxLength: 6 }),
    rotate: fc.nat({ max: 5 }),
    waitMs: fc.constantFrom(0, 99, 100, 1000),
  })
  const property = fc.property(
    anyConfig,
    fc.array(anyRound, { minLength: 2, maxLength: 12 }),
    (config, rounds) => {
      const play = (relabel: boolean): unknown[] => {
        const player = new Player(library, { ...optionsOf(library, config), mode: 'enforce' })
        return rounds.map(({ outcomes, rotate, waitMs }) => {
          const permits = outcomes.map(() => player.acquire()).filter((permit) => permit !== undefined)
          const shift = relabel && permits.length > 0 ? rotate % permits.length : 0
          const order = [...permits.slice(shift), ...permits.slice(0, shift)]
          order.forEach((permit, index) => {
            const outcome = outcomes[index]
            if (outcome === 'success') permit.success()
            else if (outcome === 'failure') permit.failure()
            else permit.release()
          })
          player.clock.advance(waitMs)
          return [player.look(), player.breaker.stats]
        })
      }
      assert.deepEqual(play(true), play(false))
    },
  )
  fc.assert(property, parameters)
}
