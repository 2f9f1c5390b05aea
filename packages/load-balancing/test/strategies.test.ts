import {
  consistentHash,
  leastConnections,
  peakEwma,
  random,
  roundRobin,
  type Strategy,
  weighted,
} from '../src/index.ts'
import { describeStrategy } from './contract/strategy-contract.ts'

for (const create of [roundRobin, weighted, leastConnections, random, consistentHash, peakEwma]) {
  describeStrategy(create)
}
describeStrategy(() => ({ ...consistentHash({ maxLoadFactor: 1.25 }), name: 'consistent-hash, bounded' }))

/** One that its user wrote, as simple as can be. */
const inTurns: Strategy = {
  name: 'one of a user',
  create: () => {
    let turn = 0
    return {
      select: (candidates) => {
        turn += 1
        const chosen = candidates[turn % candidates.length]
        if (chosen === undefined) throw new RangeError('nobody')
        return chosen
      },
    }
  },
}
describeStrategy(() => inTurns)
