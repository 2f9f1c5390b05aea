import * as fc from 'fast-check'

import { anyScenario } from './actions.ts'
import { anyConfig, type Library } from './config.ts'
import { Run } from './run.ts'

/** Plays random scenarios on random breakers. Throws with the smallest that fails; gives how often each edge was taken. */
export function checkModel(library: Library, parameters: fc.Parameters<unknown>): Record<string, number> {
  const taken: Record<string, number> = {}
  const property = fc.property(anyConfig, anyScenario, (config, actions) => {
    const run = new Run(library, config)
    run.play(actions)
    for (const edge of run.edges) taken[edge] = (taken[edge] ?? 0) + 1
  })
  fc.assert(property, parameters)
  return taken
}
