import { chooseRandomly } from './random-choice.ts'
import type { Strategy } from './strategy.ts'

/** By chance, each as likely as its weight. */
export const random = (): Strategy => RANDOM

const RANDOM: Strategy = {
  name: 'random',
  create: (draw) => ({ select: (candidates, situation) => chooseRandomly(candidates, situation, draw) }),
}
