import { getEventListeners } from 'node:events'

import { describe, expect, it } from 'vitest'

import { CircuitBreaker, consecutive, type CircuitEvent } from '../src/index.ts'
import { failTimes } from './drive.ts'
import { ManualClock } from './manual-clock.ts'

describe('listening', () => {
  it('tells a transition with everything about it', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({
      name: 'db',
      clock,
      trip: consecutive(1),
      openMs: 1000,
      origin: 'me',
    })
    const heard: CircuitEvent[] = []
    breaker.on('transition', (event) => heard.push(event))
    const cause = new Error('down')
    breaker.acquire().failure(cause)
    expect(heard).toEqual([
      {
        type: 'transition',
        name: 'db',
        from: 'closed',
        to: 'open',
        reason: 'threshold',
        at: clock.now(),
        openMs: 1000,
        openings: 1,
        mode: 'enforce',
        cause,
        record: { name: 'db', epoch: 1, origin: 'me', state: 'open', openRemainingMs: 1000 },
      },
    ])
  })

  it('tells refusals and late results to those who ask for them', () => {
    const breaker = new CircuitBreaker({ name: 'db' })
    const heard: CircuitEvent[] = []
    const late = breaker.acquire()
    breaker.on('reject', (event) => heard.push(event))
    breaker.on('stale', (event) => heard.push(event))
    breaker.trip()
    breaker.tryAcquire()
    late.success()
    expect(heard).toEqual([
      { type: 'reject', name: 'db', reason: 'open' },
      { type: 'stale', name: 'db', outcome: 'success' },
    ])
  })

  it('ends by the function it gave or by a signal, and leaves nothing on the signal', () => {
    const breaker = new CircuitBreaker()
    const controller = new AbortController()
    const heard: string[] = []
    const off = breaker.on('transition', () => heard.push('one'), { signal: controller.signal })
    breaker.on('transition', () => heard.push('two'), { signal: controller.signal })
    breaker.on('transition', () => heard.push('never'), { signal: AbortSignal.abort() })
    breaker.trip()
    off()
    off()
    breaker.reset()
    controller.abort()
    breaker.trip()
    expect(heard).toEqual(['one', 'two', 'two'])
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
  })

  it('reports what a listener throws or rejects with, and the event it was about', async () => {
    const reported: [unknown, unknown][] = []
    const breaker = new CircuitBreaker({
      onListenerError: (error, event) => reported.push([error, event?.type]),
    })
    const error = new Error('listener')
    breaker.on('transition', () => {
      throw error
    })
    breaker.on('transition', async () => Promise.reject(error))
    breaker.trip()
    await new Promise(setImmediate)
    expect(reported).toEqual([
      [error, 'transition'],
      [error, 'transition'],
    ])
  })

  it('does not stop for a listener that goes while it is told', () => {
    const breaker = new CircuitBreaker()
    const heard: string[] = []
    const off = breaker.on('transition', () => {
      heard.push('first')
      off()
    })
    breaker.on('transition', () => heard.push('second'))
    breaker.trip()
    breaker.reset()
    expect(heard).toEqual(['first', 'second', 'second'])
  })
})

describe('iterating over events', () => {
  it('gives those from now on, in order, also while none is awaited', async () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1) })
    const events = breaker.events()
    failTimes(breaker, 1)
    breaker.reset()
    expect((await events.next()).value).toMatchObject({ to: 'open' })
    expect((await events.next()).value).toMatchObject({ to: 'closed' })
    const next = events.next()
    breaker.isolate('upgrade')
    expect((await next).value).toMatchObject({ type: 'isolation', isolated: true })
  })

  it('drops the oldest when nobody reads', async () => {
    const breaker = new CircuitBreaker()
    const events = breaker.events({ buffer: 2 })
    breaker.trip()
    breaker.reset()
    breaker.trip()
    expect((await events.next()).value).toMatchObject({ from: 'open', to: 'closed' })
    expect((await events.next()).value).toMatchObject({ from: 'closed', to: 'open' })
  })

  it('leaves refusals out unless asked for', async () => {
    const breaker = new CircuitBreaker()
    breaker.trip()
    const all = breaker.events({ types: ['reject'] })
    breaker.tryAcquire()
    expect((await all.next()).value).toMatchObject({ type: 'reject' })
  })

  it('ends with the loop, or with the signal, and lets go of the breaker', async () => {
    const breaker = new CircuitBreaker()
    const controller = new AbortController()
    const { signal } = controller
    const events = breaker.events({ signal })
    const pending = events.next()
    const looped = breaker.events({ signal })
    breaker.trip()
    for await (const event of looped) {
      expect(event).toMatchObject({ to: 'open' })
      break
    }
    expect((await pending).done).toBe(false)
    const last = events.next()
    controller.abort()
    expect(await last).toEqual({ done: true, value: undefined })
    expect(await events.next()).toEqual({ done: true, value: undefined })
    expect(await breaker.events({ signal }).next()).toEqual({ done: true, value: undefined })
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
