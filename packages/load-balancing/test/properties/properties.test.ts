import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { consistentHash, LoadBalancer } from '../../src/index.ts'
import { Player } from './play.ts'
import { SCENARIO } from './scenario.ts'

/** Where a key goes. */
const place = (
  replicas: readonly { readonly id: string; readonly weight: number }[],
  key: string,
): string => {
  const balancer = new LoadBalancer<null>({ strategy: consistentHash() })
  balancer.update(replicas.map((replica) => ({ ...replica, target: null })))
  return balancer.pick(undefined, { key })?.id ?? ''
}

describe('for any strategy and any scenario, a balancer', () => {
  it('chooses whom it may, counts what is under way, and keeps to its cap', () => {
    let picks = 0
    fc.assert(
      fc.property(SCENARIO, (scenario) => {
        const player = new Player(scenario)
        for (const step of scenario.steps) {
          player.play(step)
          player.expectCap()
        }
        player.endAll()
        expect(player.balancer.replicas.every(({ inFlight }) => inFlight === 0)).toBe(true)
        picks += player.picks
      }),
      { numRuns: 500 },
    )
    expect(picks).toBeGreaterThan(1000)
  }, 120_000)

  it('decides alike when it is played again', () => {
    fc.assert(
      fc.property(SCENARIO, (scenario) => {
        const [one, two] = [1, 2].map(() => {
          const player = new Player(scenario)
          for (const step of scenario.steps) player.play(step)
          return player.balancer.stats()
        })
        expect(one).toEqual(two)
      }),
      { numRuns: 100 },
    )
  }, 120_000)
})

describe('for any keys and any replicas, a consistent hash', () => {
  const REPLICAS = fc.uniqueArray(
    fc.record({
      id: fc.string({ minLength: 1, maxLength: 10 }),
      weight: fc.double({ min: 0.01, max: 100, noNaN: true }),
    }),
    { selector: ({ id }) => id, minLength: 2, maxLength: 10 },
  )
  it('does not move a key unless its replica goes, in whatever order they are', () => {
    fc.assert(
      fc.property(REPLICAS, fc.string(), fc.nat(), (replicas, key, which) => {
        const at = place(replicas, key)
        expect(place(replicas.toReversed(), key)).toBe(at)
        const gone = replicas[which % replicas.length]
        const rest = replicas.filter((replica) => replica !== gone)
        const after = place(rest, key)
        expect(after === at || gone?.id === at).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
