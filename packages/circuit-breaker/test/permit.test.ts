import { describe, expect, it } from 'vitest'

import { CircuitBreaker, consecutive, overdue, timeWindow } from '../src/index.ts'
import { failTimes } from './drive.ts'
import { ManualClock } from './manual-clock.ts'

describe('a permit', () => {
  it('counts its first settlement only', () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1) })
    const permit = breaker.acquire()
    permit.success()
    permit.failure(new Error('late'))
    permit.release()
    expect(breaker.stats).toMatchObject({ state: 'closed', successes: 1, failures: 0, ignored: 0 })
  })

  it('is released when disposed of, unless it was settled', () => {
    const breaker = new CircuitBreaker()
    {
      using permit = breaker.acquire()
      permit.success()
    }
    {
      using permit = breaker.acquire()
      expect(permit.probe).toBe(false)
    }
    expect(breaker.stats).toMatchObject({ successes: 1, ignored: 1, outstanding: 0 })
  })

  it('that is never settled holds nothing while closed', () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1) })
    for (let call = 0; call < 1000; call++) breaker.acquire()
    expect(breaker.stats.outstanding).toBe(1000)
    breaker.acquire().success()
    expect(breaker.state).toBe('closed')
  })

  it('that is held too long as a probe is taken back, and is heard no more', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ clock, openMs: 1000, halfOpen: { probeTimeoutMs: 300 } })
    breaker.trip()
    clock.advance(1000)
    const forgotten = breaker.acquire()
    clock.advance(300)
    expect(breaker.tryAcquire()).toBeNull()
    clock.advance(1000)
    forgotten.success()
    expect(breaker.state).toBe('half-open')
    breaker.acquire().success()
    expect(breaker.state).toBe('closed')
  })

  it('takes the times of a caller who has read the clock already, and reads none itself', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ clock, trip: timeWindow({ minCalls: 1, slowRate: 1 }), slowMs: 100 })
    const now = clock.now()
    const before = clock.readings
    const permit = breaker.tryAcquire(now)
    permit?.success(now + 101)
    expect(clock.readings).toBe(before)
    clock.jumpMonotonic(101)
    expect(breaker.state).toBe('open')
  })

  it('reads no clock at all where failures in a row are counted', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ clock })
    for (let call = 0; call < 10; call++) breaker.acquire().success()
    failTimes(breaker, 1)
    // Only a failure looks at the time, which it may need.
    expect(clock.readings).toBeLessThanOrEqual(1)
  })

  it('takes a time that is no number for none', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ clock, openMs: 1000, halfOpen: { probeTimeoutMs: 10 } })
    breaker.trip()
    clock.advance(1000)
    expect(breaker.tryAcquire(Number.NaN)).not.toBeNull()
    clock.advance(10)
    expect(breaker.state).toBe('open')
  })

  it('given at a time a little in the past is counted where it belongs', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ clock, trip: overdue({ calls: 1, afterMs: 800 }) })
    const early = clock.now()
    clock.advance(150)
    breaker.acquire().success()
    const permit = breaker.tryAcquire(early)
    permit?.success()
    clock.advance(10_000)
    expect(breaker.state).toBe('closed')
  })
})
