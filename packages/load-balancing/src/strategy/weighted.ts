import type { Strategy } from './strategy.ts'
import { Turns } from './turns.ts'

/** In turns, each as often as its weight says, and spread evenly: with weights 2 and 1 it is A B A, not A A B. */
export const weighted = (): Strategy => WEIGHTED

const WEIGHTED: Strategy = {
  name: 'weighted',
  create: (random) => new Turns(random, true),
}
