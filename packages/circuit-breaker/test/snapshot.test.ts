import { describe, expect, it } from 'vitest'

import { anyOf, CircuitBreaker, consecutive, countWindow, overdue, timeWindow } from '../src/index.ts'
import { failTimes } from './drive.ts'
import { ManualClock } from './manual-clock.ts'

describe('a snapshot', () => {
  it('is plain data with durations and one wall-clock stamp', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({
      name: 'db',
      clock,
      trip: consecutive(1),
      openMs: 1000,
      origin: 'me',
    })
    failTimes(breaker, 1)
    clock.advance(400)
    const saved = breaker.snapshot()
    expect(JSON.parse(JSON.stringify(saved))).toEqual(saved)
    expect(saved).toEqual({
      version: 1,
      name: 'db',
      takenAt: clock.wallNow(),
      phase: 'open',
      phaseAgeMs: 400,
      openRemainingMs: 600,
      openForMs: 1000,
      openings: 1,
      jitter: 0,
      passed: 0,
      failed: 0,
      window: null,
      record: { name: 'db', epoch: 1, origin: 'me', state: 'open', openRemainingMs: 1000 },
    })
  })

  it('of another shape is refused by the name of the field', () => {
    const breaker = new CircuitBreaker()
    const saved = breaker.snapshot()
    const wrong = {
      version: 2,
      phase: 'ajar',
      window: 5,
      record: {},
      takenAt: 'now',
      phaseAgeMs: -1,
      openRemainingMs: null,
      openForMs: '1',
      openings: {},
      jitter: -0.5,
      passed: undefined,
      failed: -1,
    }
    for (const [field, value] of Object.entries(wrong)) {
      expect(() => breaker.restore(Object.assign({ ...saved }, { [field]: value }))).toThrow(`"${field}"`)
    }
    expect(() => breaker.restore(JSON.parse('null'))).toThrow(TypeError)
    breaker.restore(saved)
  })

  it('with the window of another rule loses the window and nothing else', () => {
    const rules = [
      consecutive(9),
      countWindow({ size: 3 }),
      timeWindow(),
      anyOf(consecutive(9), timeWindow()),
      overdue({ calls: 9, afterMs: 800 }),
    ]
    const clock = new ManualClock()
    for (const from of rules) {
      for (const to of rules) {
        const breaker = new CircuitBreaker({ trip: from, clock })
        failTimes(breaker, 2)
        const restored = new CircuitBreaker({ trip: to, clock })
        restored.restore(breaker.snapshot())
        expect(restored.state).toBe('closed')
        expect(restored.acquire().settle(undefined)).toBe('success')
      }
    }
  })

  it('of a window that is damaged loses it', () => {
    for (const trip of [consecutive(9), countWindow({ size: 3 }), timeWindow({ buckets: 2 })]) {
      const breaker = new CircuitBreaker({ trip })
      failTimes(breaker, 1)
      const saved = breaker.snapshot()
      for (const window of [['x'], [-1], [0, 0, 0, 0, 0], [0, [-1]], [[], []], [4, 4]]) {
        const restored = new CircuitBreaker({ trip })
        restored.restore(JSON.parse(JSON.stringify({ ...saved, window })))
        expect(restored.stats.window.failures).toBeGreaterThanOrEqual(0)
      }
    }
  })

  it('is told as a restoration when it moves the breaker, and makes permits of before stale', () => {
    const opened = new CircuitBreaker()
    opened.trip()
    const breaker = new CircuitBreaker()
    const heard: string[] = []
    breaker.on('transition', ({ from, to, reason }) => heard.push(`${from}->${to} ${reason}`))
    const permit = breaker.acquire()
    breaker.restore(opened.snapshot())
    permit.success()
    expect(heard).toEqual(['closed->open restored'])
    expect(breaker.stats.stale).toBe(1)
  })
})

describe('records of other processes', () => {
  it('must be records', () => {
    const breaker = new CircuitBreaker()
    const good = { name: 'x', epoch: 1, origin: 'y', state: 'open', openRemainingMs: 1 }
    for (const bad of [
      { epoch: 1.5 },
      { origin: 1 },
      { state: 'half-open' },
      { openRemainingMs: -1 },
      { name: null },
    ]) {
      const record = JSON.parse(JSON.stringify({ ...good, ...bad }))
      expect(() => breaker.adopt(record)).toThrow(TypeError)
      expect(() => breaker.suspect(record)).toThrow(TypeError)
    }
    expect(() => breaker.adopt(JSON.parse('null'))).toThrow(TypeError)
  })

  it('are copied, so that changing one later changes nothing', () => {
    const breaker = new CircuitBreaker({ clock: new ManualClock() })
    const record = { name: 'x', epoch: 3, origin: 'y', state: 'open' as const, openRemainingMs: 700 }
    breaker.adopt(record)
    record.epoch = 99
    expect(breaker.snapshot().record?.epoch).toBe(3)
    expect(breaker.retryAfterMs).toBe(700)
  })
})
