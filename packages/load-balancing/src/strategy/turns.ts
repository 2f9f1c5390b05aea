import type { Replica } from '../replica.ts'
import type { Selector, Situation } from './strategy.ts'

/**
 * Smooth weighted turns: at each pick every candidate earns its weight, and the richest pays for all. Over as many picks as
 * the weights add up to, each is chosen exactly as often as its weight, and spread evenly. Who may not be chosen for a
 * while earns nothing meanwhile, so it neither misses a turn of its own nor gives one to its neighbour.
 */
export class Turns implements Selector {
  readonly #earned: number[] = []
  readonly #random: () => number
  readonly #usesWeights: boolean

  /** @param usesWeights - false: all weigh the same, but for warming up. */
  constructor(random: () => number, usesWeights: boolean) {
    this.#random = random
    this.#usesWeights = usesWeights
  }

  joined(replica: Replica): void {
    // Not all processes begin with the same one.
    this.#earned[replica.slot] = this.#random() * (this.#usesWeights ? replica.weight : 1)
  }

  select<Target>(
    candidates: readonly Replica<Target>[],
    { isEven, isPreview, nowMs }: Situation,
  ): Replica<Target> {
    const earned = this.#earned
    let richest: Replica<Target> | undefined
    let most = -Infinity
    let total = 0
    for (const candidate of candidates) {
      const whole = this.#usesWeights ? candidate.weight : 1
      const weight = isEven ? whole : (whole * candidate.weightAt(nowMs)) / candidate.weight
      const has = (earned[candidate.slot] ?? 0) + weight
      if (!isPreview) earned[candidate.slot] = has
      total += weight
      if (has > most) {
        most = has
        richest = candidate
      }
    }
    if (richest === undefined) throw new RangeError('there is nobody to choose')
    if (!isPreview) earned[richest.slot] = most - total
    return richest
  }
}
