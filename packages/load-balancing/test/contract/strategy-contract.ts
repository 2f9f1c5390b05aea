import { describe, expect, it } from 'vitest'

import type { Replica, Strategy } from '../../src/index.ts'
import { idsOf, open, pickId } from '../support/replicas.ts'

const notC = ({ id }: Replica<string>): boolean => id !== 'c'

/** What every strategy must do, whatever it is for. */
export const describeStrategy = (create: () => Strategy): void => {
  const { name } = create()
  const openWith = (count: number, seed = 1): ReturnType<typeof open> =>
    open(
      Array.from({ length: count }, () => 1),
      { strategy: create(), seed },
    )

  /** Some history, and what was chosen. */
  const play = (): string[] => {
    const { balancer, clock } = openWith(5, 42)
    return Array.from({ length: 200 }, (_, index) => {
      const lease = balancer.acquire(undefined, index % 3 === 0 ? undefined : { key: `${index}` })
      clock.nowMs += index % 7
      if (index % 4 > 0) lease?.success()
      return lease?.replica.id ?? 'nobody'
    })
  }

  describe(`the strategy ${name}`, () => {
    it('chooses nobody where there is nobody, and the only one where there is one', () => {
      expect(openWith(0).balancer.pick()).toBeUndefined()
      const { balancer } = openWith(1)
      for (let index = 0; index < 10; index += 1) expect(pickId(balancer, { key: `${index}` })).toBe('a')
    })

    it('gives everyone work in the end', () => {
      const { balancer, clock, ids } = openWith(7)
      const seen = new Set<string>()
      for (let index = 0; index < 2000; index += 1) {
        const lease = balancer.acquire(undefined, { key: `key ${index}` })
        if (lease === undefined) throw new Error('there are seven')
        seen.add(lease.replica.id)
        clock.nowMs += 10
        lease.success()
      }
      expect([...seen].toSorted()).toEqual(ids)
    })

    it('tries each exactly once when one after the other refuses', () => {
      for (const count of [1, 2, 3, 10]) {
        const { balancer, ids } = openWith(count)
        const tried: Replica<string>[] = []
        for (;;) {
          const replica = balancer.pick(undefined, { exclude: tried, key: 'one call' })
          if (replica === undefined) break
          tried.push(replica)
        }
        expect(tried.map(({ id }) => id).toSorted()).toEqual(ids)
      }
    })

    it('chooses only whom it may: eligible, among the candidates, not draining, not excluded', () => {
      const { balancer } = openWith(6)
      const [a, b, c, d, e, f] = balancer.replicas
      if (!a || !b || !c || !d || !e || !f) throw new Error('there are six')
      void balancer.drain('b')
      const seen = new Set<string>()
      for (let index = 0; index < 500; index += 1) {
        const choice = { exclude: [a], eligible: notC, key: `${index}` }
        seen.add(balancer.pick([a, b, c, d, e], choice)?.id ?? 'nobody')
      }
      expect([...seen].toSorted()).toEqual(['d', 'e'])
      expect(balancer.pick([a, b, c], { exclude: [a], eligible: notC })).toBeUndefined()
      expect(balancer.pick([])).toBeUndefined()
      expect(balancer.pick(undefined, { eligible: () => false })).toBeUndefined()
    })

    it('asks `eligible` of each candidate once, and bears with one that picks itself', () => {
      const { balancer } = openWith(4)
      const asked: string[] = []
      const nested: (string | undefined)[] = []
      const chosen = balancer.pick(undefined, {
        eligible: ({ id }) => {
          asked.push(id)
          nested.push(balancer.pick(undefined, { eligible: (other) => other.id === 'd' })?.id)
          return id === 'b'
        },
      })
      expect(asked).toEqual(idsOf(4))
      expect(nested).toEqual(['d', 'd', 'd', 'd'])
      expect(chosen?.id).toBe('b')
    })

    it('never chooses whom an update took away, not even among candidates of before', () => {
      const { balancer } = openWith(4)
      const before = balancer.replicas
      balancer.update(['b', 'c'].map((id) => ({ id, target: 'new' })))
      const seen = new Set<string>()
      for (let index = 0; index < 200; index += 1) {
        seen.add(balancer.pick(before, { key: `${index}` })?.id ?? 'nobody')
        seen.add(pickId(balancer, { key: `${index}` }))
      }
      expect([...seen].toSorted()).toEqual(['b', 'c'])
      expect(balancer.get('b')).toMatchObject({ target: 'new' })
      expect(balancer.get('a')).toBeUndefined()
    })

    it('goes on through any order of joining, leaving and coming back', () => {
      const { balancer, clock } = openWith(5)
      for (let round = 0; round < 100; round += 1) {
        const ids = idsOf(8).filter((_, index) => (round + index) % 3 !== 0)
        balancer.update(ids.map((id) => ({ id, target: id })))
        const lease = balancer.acquire(undefined, { key: `${round}` })
        expect(ids).toContain(lease?.replica.id)
        clock.nowMs += 5
        lease?.failure()
      }
    })

    it('decides alike for the same chance, clock and history', () => {
      expect(play()).toEqual(play())
    })
  })
}
