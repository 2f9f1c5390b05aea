import type { Replica } from '../replica.ts'
import type { Strategy } from './strategy.ts'

/** The one with the fewest calls under way for its weight, counting the one to come; among equals by chance. */
export const leastConnections = (): Strategy => LEAST_CONNECTIONS

const LEAST_CONNECTIONS: Strategy = {
  name: 'least-connections',
  create: (random) => ({
    select: <Target>(candidates: readonly Replica<Target>[], { nowMs }: { readonly nowMs: number }) => {
      let least: Replica<Target> | undefined
      let load = Infinity
      let equals = 1
      for (const candidate of candidates) {
        const its = (candidate.inFlight + 1) / candidate.weightAt(nowMs)
        if (its > load) continue
        equals = its < load ? 1 : equals + 1
        load = its
        // The newest of so many equals takes the place with its share of chance: all are as likely in the end.
        if (equals === 1 || random() * equals < 1) least = candidate
      }
      if (least === undefined) throw new RangeError('there is nobody to choose')
      return least
    },
  }),
}
