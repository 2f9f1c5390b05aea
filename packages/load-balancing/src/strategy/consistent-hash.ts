import { checkNumber } from '../checks.ts'
import type { Replica } from '../replica.ts'
import { hashText, mix } from './hash.ts'
import { chooseRandomly } from './random-choice.ts'
import type { Selector, Situation, Strategy } from './strategy.ts'

/** Options of {@link consistentHash}. */
export interface ConsistentHashOptions {
  /**
   * A replica that has so many times the calls under way that are its share passes new ones on to the next of their key.
   * At least 1; 1.25 is usual. It bends the rule that a key has one place. Default: no bound.
   */
  readonly maxLoadFactor?: number | undefined
}

/**
 * Calls with the same `key` go to the same replica, in every process that knows the same ids and weights, in whatever order,
 * and after a restart. It is rendezvous hashing: each replica draws a number from (key, id), and the highest wins. So when
 * a replica goes, its keys spread over all others and no other key moves; when one comes, it takes its share from all.
 * Warming up does not count: it would move keys twice. A call without a key goes anywhere by chance.
 */
export const consistentHash = ({ maxLoadFactor }: ConsistentHashOptions = {}): Strategy => {
  const factor =
    maxLoadFactor === undefined ? Infinity : checkNumber('consistentHash.maxLoadFactor', maxLoadFactor, 1)
  return { name: 'consistent-hash', create: (random) => new Rendezvous(random, factor) }
}

class Rendezvous implements Selector {
  readonly #seeds: number[] = []
  readonly #random: () => number
  readonly #maxLoadFactor: number

  constructor(random: () => number, maxLoadFactor: number) {
    this.#random = random
    this.#maxLoadFactor = maxLoadFactor
  }

  joined({ id, slot }: Replica): void {
    this.#seeds[slot] = hashText(id)
  }

  select<Target>(candidates: readonly Replica<Target>[], situation: Situation): Replica<Target> {
    const { isEven, key } = situation
    if (key === undefined) return chooseRandomly(candidates, situation, this.#random)
    const hash = hashText(key)
    const perWeight = this.#maxLoadFactor === Infinity ? Infinity : this.#loadPerWeight(candidates)
    let first: Replica<Target> | undefined
    let earliest = Infinity
    for (const candidate of candidates) {
      if (candidate.inFlight >= Math.ceil(perWeight * candidate.weight)) continue
      const draw = mix(hash ^ (this.#seeds[candidate.slot] ?? 0))
      const at = isEven ? -draw : arrivalOf(draw, candidate.weight)
      if (at > earliest || (at === earliest && first !== undefined && candidate.id > first.id)) continue
      earliest = at
      first = candidate
    }
    if (first === undefined) throw new RangeError('there is nobody to choose')
    return first
  }

  /** How many calls may be under way for each unit of weight, the one to come included. */
  #loadPerWeight(candidates: readonly Replica[]): number {
    let calls = 1
    let weights = 0
    for (const { inFlight, weight } of candidates) {
      calls += inFlight
      weights += weight
    }
    return (this.#maxLoadFactor * calls) / weights
  }
}

/**
 * Where `u` is a draw evenly between 0 and 1, `-ln(u) / weight` is the time at which its replica arrives: the first of such
 * arrivals is each one's with the likelihood of its weight. With even weights the highest draw is the first.
 */
const arrivalOf = (draw: number, weight: number): number => -Math.log((draw + 0.5) / 0x1_0000_0000) / weight
