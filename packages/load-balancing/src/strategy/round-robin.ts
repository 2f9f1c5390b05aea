import type { Strategy } from './strategy.ts'
import { Turns } from './turns.ts'

/** One after the other, whatever their weights. Who may not be chosen is passed over without favouring the next. */
export const roundRobin = (): Strategy => ROUND_ROBIN

const ROUND_ROBIN: Strategy = {
  name: 'round-robin',
  create: (random) => new Turns(random, false),
}
