import { describe, expect, it } from 'vitest'

import { consistentHash, LoadBalancer, peakEwma } from '../src/index.ts'

/** As JavaScript calls it, where nothing checks types. */
const make = (options: object) => () => new LoadBalancer({ ...options })

describe('options that cannot be', () => {
  it.each([
    ['slowStart.durationMs', { slowStart: { durationMs: 0 } }],
    ['slowStart.durationMs', { slowStart: { durationMs: Number.POSITIVE_INFINITY } }],
    ['slowStart.from', { slowStart: { from: 0 } }],
    ['slowStart.from', { slowStart: { from: 1.1 } }],
    ['outliers.consecutiveFailures', { outliers: { consecutiveFailures: 1.5 } }],
    ['outliers.failureRate', { outliers: { failureRate: 2 } }],
    ['outliers.minCalls', { outliers: { minCalls: 0 } }],
    ['outliers.windowMs', { outliers: { windowMs: -1 } }],
    ['outliers.ejectMs', { outliers: { ejectMs: Number.NaN } }],
    ['outliers.maxEjectMs', { outliers: { ejectMs: 10, maxEjectMs: 5 } }],
    ['outliers.maxEjectedShare', { outliers: { maxEjectedShare: 0 } }],
  ])('are refused by name: %s', (name, options) => {
    expect(make(options)).toThrow(RangeError)
    expect(make(options)).toThrow(`"${name}"`)
  })

  it('are refused where they are given', () => {
    expect(make({ random: 5 })).toThrow(/"random" must be a function/u)
    expect(make({ slowStart: { durationMs: '5' } })).toThrow(TypeError)
    expect(() => peakEwma({ decayMs: 0 })).toThrow('"peakEwma.decayMs"')
    expect(() => peakEwma({ failureMs: -1 })).toThrow('"peakEwma.failureMs"')
    expect(() => consistentHash({ maxLoadFactor: 0.9 })).toThrow('"consistentHash.maxLoadFactor"')
  })
})

describe('replicas that cannot be', () => {
  it.each([
    [{ id: '', target: 1 }],
    [{ id: 5, target: 1 }],
    [
      { id: 'b', target: 1 },
      { id: 'b', target: 2 },
    ],
    [{ id: 'b', target: 1, weight: 0 }],
    [{ id: 'b', target: 1, weight: Number.NaN }],
    [{ id: 'b', target: 1, weight: Number.POSITIVE_INFINITY }],
  ])('change nothing: %j', (...replicas) => {
    const balancer = new LoadBalancer<unknown>()
    balancer.update([{ id: 'a', target: 'a' }])
    // @ts-expect-error -- as JavaScript calls it
    expect(() => balancer.update([{ id: 'new', target: 1 }, ...replicas])).toThrow(/must be/u)
    expect(balancer.replicas.map(({ id }) => id)).toEqual(['a'])
    expect(balancer.pick()?.id).toBe('a')
  })
})

describe('without options', () => {
  it('chooses by peak-EWMA on the clock and the chance of the process', () => {
    const balancer = new LoadBalancer<number>()
    balancer.update([1, 2, 3].map((target) => ({ id: `${target}`, target })))
    const seen = new Set<number>()
    for (let call = 0; call < 300; call += 1) {
      const lease = balancer.acquire()
      if (lease !== undefined) seen.add(lease.replica.target)
      lease?.success()
    }
    expect(seen.size).toBeGreaterThan(1)
    expect(balancer.stats().reduce((sum, { successes }) => sum + successes, 0)).toBe(300)
  })
})
