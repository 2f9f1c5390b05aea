import { expect, test } from 'vitest'

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
import { open, pickId } from './support/replicas.ts'

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

test.each([roundRobin, weighted])('whoever only looks takes nobody’s turn', (create) => {
  const options = { strategy: create(), seed: 7 }
  const [looked, plain] = [open([2, 1, 1], options).balancer, open([2, 1, 1], options).balancer]
  for (let index = 0; index < 50; index += 1) {
    const previews = [1, 2, 3].map(() => pickId(looked, { isPreview: true }))
    const next = pickId(looked)
    expect(next).toBe(pickId(plain))
    expect(new Set(previews)).toEqual(new Set([next]))
  }
})
