import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import {
  anyOf,
  backoff,
  CircuitBreaker,
  CircuitBreakerRegistry,
  consecutive,
  countWindow,
  definePolicy,
  overdue,
  timeWindow,
} from '../src/index.ts'
import { thrownBy } from './drive.ts'

/** What a program without types may pass. */
// oxlint-disable-next-line typescript/no-explicit-any -- that it has no type is the point
type Wrong = any

const badNumbers = [Number.NaN, Infinity, -Infinity, -1]
const badValues: unknown[] = ['5', null, {}, [], true]

/** Where a number is taken, by the name that the error must give, and further values that it must refuse. */
const numbers: readonly [option: string, set: (value: Wrong) => unknown, alsoBad: readonly number[]][] = [
  ['openMs', (openMs) => new CircuitBreaker({ openMs }), [0]],
  ['slowMs', (slowMs) => new CircuitBreaker({ slowMs }), [0]],
  ['halfOpen.successes', (successes) => new CircuitBreaker({ halfOpen: { successes } }), [0, 1.5]],
  ['halfOpen.concurrency', (concurrency) => new CircuitBreaker({ halfOpen: { concurrency } }), [0, 1.5]],
  ['halfOpen.tolerate', (tolerate) => new CircuitBreaker({ halfOpen: { tolerate } }), [0.5]],
  ['halfOpen.probeTimeoutMs', (probeTimeoutMs) => new CircuitBreaker({ halfOpen: { probeTimeoutMs } }), [0]],
  ['failures', (failures) => consecutive(failures), [0, 1.5]],
  ['size', (size) => countWindow({ size }), [0, 1.5, 1_000_001]],
  ['minCalls', (minCalls) => countWindow({ size: 10, minCalls }), [0, 1.5, 11]],
  ['failureRate', (failureRate) => countWindow({ failureRate }), [0, 1.01]],
  ['slowRate', (slowRate) => countWindow({ slowRate }), [0, 1.01]],
  ['windowMs', (windowMs) => timeWindow({ windowMs }), [0]],
  ['buckets', (buckets) => timeWindow({ buckets }), [0, 1.5, 1001]],
  ['minCalls', (minCalls) => timeWindow({ minCalls }), [0, 1.5]],
  ['failures', (failures) => timeWindow({ failures }), [0, 1.5]],
  ['failureRate', (failureRate) => timeWindow({ failureRate }), [0, 2]],
  ['overdue.calls', (calls) => overdue({ calls, afterMs: 1 }), [0, 1.5]],
  ['overdue.afterMs', (afterMs) => overdue({ calls: 1, afterMs }), [0]],
  ['initialMs', (initialMs) => backoff({ initialMs }), [0]],
  ['factor', (factor) => backoff({ factor }), [0, 0.99]],
  ['maxMs', (maxMs) => backoff({ initialMs: 100, maxMs }), [0, 99]],
  ['jitter', (jitter) => backoff({ jitter }), [1.01]],
  ['openMs', (openMs) => new CircuitBreaker().trip({ openMs }), [0]],
  ['buffer', (buffer) => new CircuitBreaker().events({ buffer }), [0, 1.5]],
  ['max', (max) => new CircuitBreakerRegistry({ max }), [0, 1.5]],
  ['idleMs', (idleMs) => new CircuitBreakerRegistry({ idleMs }), [0]],
  ['maxOpenRatio', (maxOpenRatio) => new CircuitBreakerRegistry({ maxOpenRatio }), [0, 1.01]],
  ['quorum', (quorum) => new CircuitBreakerRegistry({ quorum }), [0, 1.5]],
]

describe('options that cannot be', () => {
  it.each(numbers)('are refused by name: %s', (option, set, alsoBad) => {
    for (const value of [...badNumbers, ...alsoBad]) {
      const error = thrownBy(() => set(value))
      expect(error).toBeInstanceOf(RangeError)
      expect(String(error)).toContain(`"${option}"`)
      expect(String(error)).toContain(String(value))
    }
    for (const value of badValues) {
      const error = thrownBy(() => set(value))
      expect(error).toBeInstanceOf(TypeError)
      expect(String(error)).toContain(`"${option}"`)
    }
  })

  it('are refused by name where they are not numbers', () => {
    const wrong: Record<string, unknown> = {
      name: {},
      trip: {},
      recovery: 'slowly',
      classify: 'failure',
      mode: 'on',
      clock: {},
      random: 'often',
      origin: {},
      onListenerError: 'ignore',
    }
    for (const [option, value] of Object.entries(wrong)) {
      const error = thrownBy(() => new CircuitBreaker(JSON.parse(JSON.stringify({ [option]: value }))))
      expect(error).toBeInstanceOf(TypeError)
      expect(String(error)).toContain(`"${option}"`)
    }
    expect(() => anyOf()).toThrow(TypeError)
    expect(() => anyOf(JSON.parse('{}'))).toThrow(TypeError)
    expect(() => new CircuitBreaker().record(JSON.parse('"maybe"'))).toThrow('"outcome"')
    expect(() => Object.assign(new CircuitBreaker(), { mode: 'on' })).toThrow('"mode"')
  })

  it('include a rule about slow calls without saying what slow is', () => {
    expect(() => new CircuitBreaker({ trip: countWindow({ slowRate: 0.5 }) })).toThrow('"slowMs"')
    expect(() => new CircuitBreaker({ trip: anyOf(consecutive(), timeWindow({ slowRate: 1 })) })).toThrow(
      '"slowMs"',
    )
  })

  it('never get past construction to make a breaker that cannot work', () => {
    const anyNumber = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.constantFrom(Number.NaN, Infinity, 0, -1, 2 ** 32),
    )
    const property = fc.property(anyNumber, anyNumber, anyNumber, (failures, openMs, probeTimeoutMs) => {
      let breaker: CircuitBreaker
      try {
        breaker = new CircuitBreaker({ trip: consecutive(failures), openMs, halfOpen: { probeTimeoutMs } })
      } catch (error) {
        return error instanceof RangeError
      }
      breaker.trip()
      return breaker.retryAfterMs > 0 || openMs < 1
    })
    expect(() => fc.assert(property)).not.toThrow()
  })
})

describe('options that can be left out', () => {
  it('may also be undefined', () => {
    const breaker = new CircuitBreaker({
      name: undefined,
      trip: undefined,
      openMs: undefined,
      recovery: undefined,
      halfOpen: undefined,
      slowMs: undefined,
      classify: undefined,
      mode: undefined,
      clock: undefined,
      random: undefined,
      origin: undefined,
      onListenerError: undefined,
    })
    breaker.trip()
    expect(breaker).toMatchObject({ name: 'circuit', mode: 'enforce', state: 'open' })
    expect(breaker.retryAfterMs).toBeGreaterThan(59_000)
  })
})

describe('a policy', () => {
  it('is checked once and shared, each breaker with a name of its own', () => {
    const policy = definePolicy({ trip: consecutive(2), openMs: 1000 })
    const one = new CircuitBreaker(policy, 'one')
    const other = new CircuitBreaker(policy, 'other')
    one.trip()
    expect([one.name, other.name, other.state]).toEqual(['one', 'other', 'closed'])
  })

  it('cannot be changed behind the back of its breakers', () => {
    const policy = definePolicy({ openMs: 1000 })
    expect(Object.isFrozen(policy)).toBe(true)
  })
})
