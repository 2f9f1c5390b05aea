import type { Replica } from '../replica.ts'
import type { Situation, Strategy } from './strategy.ts'

/** The one with the fewest calls under way for its weight, counting the one to come; among equals by chance. */
export const leastConnections = (): Strategy => LEAST_CONNECTIONS

const LEAST_CONNECTIONS: Strategy = {
  name: 'least-connections',
  create: (random) => ({
    select: <Target>(candidates: readonly Replica<Target>[], situation: Situation) => {
      let least: Replica<Target> | undefined
      let load = Infinity
      let equals = 0
      for (const candidate of candidates) {
        const its = loadOf(candidate, situation)
        if (its > load) continue
        if (its < load) {
          equals = 0
          load = its
          least = candidate
        }
        equals += 1
      }
      if (least === undefined) throw new RangeError('there is nobody to choose')
      if (equals === 1) return least
      let left = Math.floor(random() * equals)
      for (const candidate of candidates) {
        if (loadOf(candidate, situation) !== load) continue
        if (left === 0) return candidate
        left -= 1
      }
      return least
    },
  }),
}

/** Calls for each unit of weight, with the one to come. */
const loadOf = (replica: Replica, { isEven, nowMs }: Situation): number => {
  const calls = replica.inFlight + 1
  return isEven ? calls : calls / replica.weightAt(nowMs)
}
