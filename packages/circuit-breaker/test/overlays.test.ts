import { describe, expect, it } from 'vitest'

import { CircuitBreaker, consecutive } from '../src/index.ts'
import { failTimes, thrownBy } from './drive.ts'
import { ManualClock } from './manual-clock.ts'

describe('isolation', () => {
  it('refuses everything until every holder has let go', () => {
    const breaker = new CircuitBreaker()
    const one = breaker.isolate()
    const other = breaker.isolate()
    one[Symbol.dispose]()
    one[Symbol.dispose]()
    expect(breaker.state).toBe('isolated')
    expect(breaker.retryAfterMs).toBe(Infinity)
    expect(thrownBy(() => breaker.acquire())).toMatchObject({ reason: 'isolated', retryAfterMs: Infinity })
    other[Symbol.dispose]()
    expect(breaker.state).toBe('closed')
  })

  it('is told once when it begins and once when it ends, with the reason', () => {
    const breaker = new CircuitBreaker({ name: 'db' })
    const heard: unknown[] = []
    breaker.on('isolation', (event) => heard.push(event))
    const one = breaker.isolate('upgrade')
    const other = breaker.isolate('second')
    one[Symbol.dispose]()
    other[Symbol.dispose]()
    expect(heard).toEqual([
      { type: 'isolation', name: 'db', isolated: true, reason: 'upgrade' },
      { type: 'isolation', name: 'db', isolated: false, reason: 'second' },
    ])
  })

  it('leaves the circuit beneath to go on: calls in flight are still heard', () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1) })
    const permit = breaker.acquire()
    const isolation = breaker.isolate()
    permit.failure()
    isolation[Symbol.dispose]()
    expect(breaker.state).toBe('open')
  })

  it('holds in every mode', () => {
    for (const mode of ['enforce', 'observe', 'off'] as const) {
      const breaker = new CircuitBreaker({ mode })
      breaker.isolate()
      expect(breaker.tryAcquire()).toBeNull()
    }
  })

  it('ends with the block that holds it', () => {
    const breaker = new CircuitBreaker()
    {
      using isolation = breaker.isolate()
      expect(isolation).toBeDefined()
      expect(breaker.state).toBe('isolated')
    }
    expect(breaker.state).toBe('closed')
  })
})

describe('the modes', () => {
  it('observe: counts, moves and tells, and refuses nothing', () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1), mode: 'observe' })
    failTimes(breaker, 1)
    expect(breaker.state).toBe('open')
    expect(breaker.acquire().probe).toBe(false)
    expect(breaker.stats.rejected.open).toBe(1)
  })

  it('observe: tells other processes nothing', () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1), mode: 'observe' })
    const records: unknown[] = []
    breaker.on('transition', ({ record }) => records.push(record))
    failTimes(breaker, 1)
    expect(records).toEqual([undefined])
  })

  it('off: counts only', () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1), mode: 'off' })
    failTimes(breaker, 10)
    breaker.trip()
    expect(breaker.stats).toMatchObject({ state: 'closed', failures: 10, window: { calls: 0 } })
  })

  it('off: closes what was open, at once', () => {
    const breaker = new CircuitBreaker()
    breaker.trip()
    breaker.mode = 'off'
    expect(breaker.state).toBe('closed')
    expect(breaker.mode).toBe('off')
  })

  it('enforce: begins to refuse as soon as it is set', () => {
    const breaker = new CircuitBreaker({ mode: 'observe' })
    breaker.trip()
    breaker.mode = 'enforce'
    expect(breaker.tryAcquire()).toBeNull()
  })
})

describe('tripping and resetting by hand', () => {
  it('opens for as long as the upstream asked, and never shortens that', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ clock })
    breaker.trip({ openMs: 30_000 })
    breaker.trip({ openMs: 1000 })
    breaker.trip()
    expect(breaker.retryAfterMs).toBe(30_000)
    breaker.trip({ openMs: 90_000 })
    expect(breaker.retryAfterMs).toBe(90_000)
  })

  it('closes now, forgets the way there, and keeps the counters', () => {
    const breaker = new CircuitBreaker({ trip: consecutive(2) })
    failTimes(breaker, 1)
    breaker.reset()
    failTimes(breaker, 1)
    expect(breaker.state).toBe('closed')
    expect(breaker.stats.failures).toBe(2)
  })

  it('tells the cause, and keeps of it the name and the message only', () => {
    const breaker = new CircuitBreaker()
    const causes: unknown[] = []
    breaker.on('transition', ({ cause, reason }) => causes.push([cause, reason]))
    const cause = new TypeError('certificate expired')
    breaker.trip({ cause })
    expect(causes).toEqual([[cause, 'manual']])
    expect(breaker.stats.lastFailure).toEqual({ name: 'TypeError', message: 'certificate expired' })
  })
})

describe('the backoff', () => {
  it('grows with each opening in a row and falls by one for each open period spent closed', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({ clock, trip: consecutive(1), openMs: (opening) => opening * 1000 })
    const openAgain = (): number => {
      failTimes(breaker, 1)
      return breaker.retryAfterMs
    }
    const recover = (): void => {
      clock.advance(breaker.retryAfterMs)
      breaker.acquire().success()
    }
    expect(openAgain()).toBe(1000)
    clock.advance(1000)
    expect(openAgain()).toBe(2000)
    recover()
    expect(openAgain()).toBe(3000)
    recover()
    clock.advance(6000)
    expect(breaker.stats.openings).toBe(1)
    expect(openAgain()).toBe(2000)
    recover()
    clock.advance(60_000)
    expect(openAgain()).toBe(1000)
  })

  it('begins anew with every recovery when asked to', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({
      clock,
      trip: consecutive(1),
      openMs: (opening) => opening * 1000,
      recovery: 'reset',
    })
    failTimes(breaker, 1)
    clock.advance(1000)
    failTimes(breaker, 1)
    expect(breaker.retryAfterMs).toBe(2000)
    clock.advance(2000)
    breaker.acquire().success()
    failTimes(breaker, 1)
    expect(breaker.retryAfterMs).toBe(1000)
  })

  it('falls back to a minute when the user’s own function fails, and reports it', () => {
    const reported: unknown[] = []
    const breaker = new CircuitBreaker({
      clock: new ManualClock(),
      openMs: () => {
        throw new Error('no')
      },
      onListenerError: (error) => reported.push(error),
    })
    breaker.trip()
    expect(breaker.retryAfterMs).toBe(60_000)
    expect(reported).toHaveLength(1)
  })
})
