import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { describe, expect, it } from 'vitest'

import { consistentHash, LoadBalancer } from '../src/index.ts'
import { countBy, expectShares } from './support/chi-square.ts'
import { idsOf, open, pickId } from './support/replicas.ts'

const KEYS = Array.from({ length: 20_000 }, (_, index) => `user:${index}`)

/** Where each key goes. */
const placesOf = (balancer: LoadBalancer<string>): Map<string, string> =>
  new Map(KEYS.map((key) => [key, pickId(balancer, { key })]))

const update = (balancer: LoadBalancer<string>, weights: Readonly<Record<string, number>>): void =>
  balancer.update(Object.entries(weights).map(([id, weight]) => ({ id, target: id, weight })))

describe('consistent hash', () => {
  it.each([[[1, 1, 1]], [[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]], [[1, 2, 5]], [[0.5, 0.25]]])(
    'gives each replica keys as its weight: %j',
    (weights) => {
      const { balancer, ids } = open(weights, { strategy: consistentHash() })
      const shares = countBy(ids, (index) => pickId(balancer, { key: KEYS[index] }), KEYS.length)
      expectShares(shares, weights)
    },
  )

  it('spreads keys of every kind: numbers, addresses, long ones that differ in one letter', () => {
    const long = 'x'.repeat(500)
    for (const keyOf of [
      (index: number) => String(index),
      (index: number) => `https://example.org/documents/${index}?version=1`,
      (index: number) => `${index}${long}`,
      (index: number) => `${long}${index}`,
      (index: number) => String.fromCharCode(index),
    ]) {
      const { balancer, ids } = open([1, 1, 1, 1, 1], { strategy: consistentHash() })
      expectShares(
        countBy(ids, (index) => pickId(balancer, { key: keyOf(index) }), 20_000),
        [1, 1, 1, 1, 1],
      )
    }
  })

  it('is the same in every order and for every history of replicas', () => {
    const { balancer } = open([1, 2, 1, 3, 1], { strategy: consistentHash() })
    const places = placesOf(balancer)
    update(balancer, { z: 5, c: 1, y: 1 })
    update(balancer, { e: 1, d: 3, c: 1, b: 2, a: 1 })
    expect(placesOf(balancer)).toEqual(places)
  })

  it('is the same in another process, and in every version of this library', async () => {
    const odd = ['', 'a', 'ключ', '🔑', 'x'.repeat(1000)]
    const keys = [...odd, ...Array.from({ length: 35 }, (_, index) => `session:${index}`)]
    const { balancer } = open([1, 1, 2.5, 1], { strategy: consistentHash() })
    const here = keys.map((key) => pickId(balancer, { key }))
    expect(here.join('')).toBe('ccccccccbbccccaccabddccdccadccabcabbcccc')
    const script = `
      import { consistentHash, LoadBalancer } from '@mreg/load-balancing'
      const balancer = new LoadBalancer({ strategy: consistentHash() })
      balancer.update(['d', 'b', 'a', 'c'].map((id) => ({ id, target: id, weight: id === 'c' ? 2.5 : 1 })))
      console.log(${JSON.stringify(keys)}.map((key) => balancer.pick(undefined, { key }).id).join(''))`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=@mreg/source', '--input-type=module', '--eval', script],
      { cwd: fileURLToPath(new URL('..', import.meta.url)) },
    )
    expect(stdout.trim()).toBe(here.join(''))
  })

  it('moves only the keys of a replica that goes, to all others as their weights', () => {
    const { balancer } = open([1, 1, 2, 1], { strategy: consistentHash() })
    const before = placesOf(balancer)
    update(balancer, { a: 1, c: 2, d: 1 })
    const after = placesOf(balancer)
    const moved = KEYS.filter((key) => before.get(key) !== after.get(key))
    expect(moved.every((key) => before.get(key) === 'b')).toBe(true)
    expect(moved).toHaveLength(KEYS.filter((key) => before.get(key) === 'b').length)
    expectShares(
      countBy(['a', 'c', 'd'], (index) => after.get(moved[index] ?? '') ?? '', moved.length),
      [1, 2, 1],
    )
  })

  it('moves to a replica that comes its share and nothing else', () => {
    const { balancer } = open([1, 1, 1], { strategy: consistentHash(), slowStart: {} })
    const before = placesOf(balancer)
    update(balancer, { a: 1, b: 1, c: 1, d: 1 })
    const after = placesOf(balancer)
    const moved = KEYS.filter((key) => before.get(key) !== after.get(key))
    expect(moved.every((key) => after.get(key) === 'd')).toBe(true)
    expectShares([moved.length, KEYS.length - moved.length], [1, 3])
  })

  it('moves with a weight that grows only what it gains', () => {
    const { balancer } = open([1, 1, 1], { strategy: consistentHash() })
    const before = placesOf(balancer)
    update(balancer, { a: 1, b: 3, c: 1 })
    const after = placesOf(balancer)
    const moved = KEYS.filter((key) => before.get(key) !== after.get(key))
    expect(moved.every((key) => after.get(key) === 'b')).toBe(true)
    // From a third to three fifths.
    expectShares([moved.length, KEYS.length - moved.length], [3 / 5 - 1 / 3, 1 - (3 / 5 - 1 / 3)])
  })

  it('sends a key whose replica refuses to the same other one every time', () => {
    const { balancer } = open([1, 1, 1, 1], { strategy: consistentHash() })
    for (const key of KEYS.slice(0, 100)) {
      const first = balancer.pick(undefined, { key })
      if (first === undefined) throw new Error('there are four')
      const seconds = Array.from({ length: 3 }, () => pickId(balancer, { key, exclude: [first] }))
      expect(new Set(seconds).size).toBe(1)
      expect(seconds[0]).not.toBe(first.id)
    }
  })

  it('goes anywhere by chance without a key', () => {
    const { balancer, ids } = open([1, 2, 3], { strategy: consistentHash() })
    expectShares(
      countBy(ids, () => pickId(balancer), 20_000),
      [1, 2, 3],
    )
  })

  describe('with bounded loads', () => {
    it('has no replica take more than its bound, and moves no key while nobody is at it', () => {
      const weights = [1, 1, 2, 1]
      const { balancer } = open(weights, { strategy: consistentHash({ maxLoadFactor: 1.25 }) })
      const { balancer: free } = open(weights, { strategy: consistentHash() })
      let passedOn = 0
      for (let calls = 0; calls < 2000; calls += 1) {
        // One key in two is the same: it alone would fill its replica.
        const key = calls % 2 === 0 ? 'hot' : (KEYS[calls] ?? '')
        const place = free.pick(undefined, { key })
        const bound = Math.ceil((1.25 * (calls + 1) * (place?.weight ?? 0)) / 5)
        const had = balancer.get(place?.id ?? '')?.inFlight ?? 0
        const lease = balancer.acquire(undefined, { key })
        if (had >= bound) passedOn += 1
        expect(had >= bound || lease?.replica.id === place?.id).toBe(true)
        for (const { inFlight, weight } of balancer.replicas) {
          expect(inFlight).toBeLessThanOrEqual(Math.ceil((1.25 * (calls + 1) * weight) / 5))
        }
      }
      expect(passedOn).toBeGreaterThan(100)
    })

    it('with a factor of 1 is as even as can be', () => {
      const { balancer } = open([1, 1, 1], { strategy: consistentHash({ maxLoadFactor: 1 }) })
      for (let call = 0; call < 300; call += 1) balancer.acquire(undefined, { key: 'hot' })
      expect(balancer.replicas.map(({ inFlight }) => inFlight)).toEqual([100, 100, 100])
    })
  })

  it('does not depend on the order even of ids that hash alike', () => {
    // A known collision of FNV-1a.
    const ids = ['costarring', 'liquid']
    const places = [ids, ids.toReversed()].map((order) => {
      const balancer = new LoadBalancer<string>({ strategy: consistentHash() })
      balancer.update(order.map((id) => ({ id, target: id })))
      return pickId(balancer, { key: 'any' })
    })
    expect(places).toEqual(['costarring', 'costarring'])
  })

  it('knows replicas by their whole id', () => {
    const ids = idsOf(3).map((id) => `https://${id}.example.org:8443/mcp`)
    const balancer = new LoadBalancer<string>({ strategy: consistentHash() })
    balancer.update(ids.map((id) => ({ id, target: id })))
    expectShares(
      countBy(ids, (index) => pickId(balancer, { key: KEYS[index] }), KEYS.length),
      [1, 1, 1],
    )
  })
})
