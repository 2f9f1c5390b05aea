import { describe, expect, it } from 'vitest'

import { CircuitBreaker, CircuitBreakerOpenError, consecutive } from '../src/index.ts'
import { ManualClock } from './manual-clock.ts'

const failTimes = (breaker: CircuitBreaker, times: number): void => {
  for (let count = 0; count < times; count++) breaker.acquire().failure(new Error('down'))
}

describe('the permit form', () => {
  it('opens after five failures in a row and refuses from then on', () => {
    const breaker = new CircuitBreaker({ name: 'payments', clock: new ManualClock() })
    failTimes(breaker, 4)
    expect(breaker.state).toBe('closed')
    failTimes(breaker, 1)
    expect(breaker.state).toBe('open')
    expect(breaker.tryAcquire()).toBeNull()
    expect(breaker.retryAfterMs).toBe(60_000)
  })

  it('starts the count again at each success', () => {
    const breaker = new CircuitBreaker({ trip: consecutive(2) })
    failTimes(breaker, 1)
    breaker.acquire().success()
    failTimes(breaker, 1)
    expect(breaker.state).toBe('closed')
  })

  it('gives one probe when the open period is over, and closes when it succeeds', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ trip: consecutive(1), openMs: 1000, clock })
    failTimes(breaker, 1)
    clock.advance(999)
    expect(breaker.state).toBe('open')
    clock.advance(1)
    expect(breaker.state).toBe('half-open')
    const probe = breaker.acquire()
    expect(probe.probe).toBe(true)
    expect(breaker.tryAcquire()).toBeNull()
    probe.success()
    expect(breaker.state).toBe('closed')
  })

  it('opens again when the probe fails', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ trip: consecutive(1), openMs: 1000, clock })
    failTimes(breaker, 1)
    clock.advance(1000)
    failTimes(breaker, 1)
    expect(breaker.state).toBe('open')
    expect(breaker.retryAfterMs).toBe(1000)
  })

  it('throws an error from acquire that says which breaker, why, and when to retry', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ name: 'payments', trip: consecutive(1), clock })
    failTimes(breaker, 1)
    clock.advance(10_000)
    let refusal: unknown
    try {
      breaker.acquire()
    } catch (error) {
      refusal = error
    }
    expect(CircuitBreakerOpenError.is(refusal)).toBe(true)
    expect(refusal).toMatchObject({
      code: 'ERR_CIRCUIT_OPEN',
      breaker: 'payments',
      reason: 'open',
      retryAfterMs: 50_000,
      message: 'circuit breaker "payments" is open, retry in 50000 ms',
    })
  })
})
