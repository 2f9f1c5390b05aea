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
  readonly #weightOf: (replica: Replica, nowMs: number) => number

  constructor(random: () => number, weightOf: (replica: Replica, nowMs: number) => number) {
    this.#random = random
    this.#weightOf = weightOf
  }

  joined(replica: Replica): void {
    // Not all processes begin with the same one.
    this.#earned[replica.slot] = this.#random() * this.#weightOf(replica, -Infinity)
  }

  select<Target>(candidates: readonly Replica<Target>[], { nowMs }: Situation): Replica<Target> {
    const earned = this.#earned
    let richest: Replica<Target> | undefined
    let most = -Infinity
    let total = 0
    for (const candidate of candidates) {
      const weight = this.#weightOf(candidate, nowMs)
      const has = (earned[candidate.slot] ?? 0) + weight
      earned[candidate.slot] = has
      total += weight
      if (has > most) {
        most = has
        richest = candidate
      }
    }
    if (richest === undefined) throw new RangeError('there is nobody to choose')
    earned[richest.slot] = most - total
    return richest
  }
}
