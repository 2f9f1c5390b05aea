import { spawnSync } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { fileURLToPath } from 'node:url'

import { describe, expect, it, vi } from 'vitest'

import {
  CircuitBreaker,
  CircuitBreakerOpenError,
  consecutive,
  countWindow,
  timeWindow,
  type CircuitBreakerOptions,
} from '../src/index.ts'
import { deferred, failTimes, rejectionOf, succeedTimes } from './drive.ts'
import { ManualClock } from './manual-clock.ts'

const make = (options: CircuitBreakerOptions = {}): { breaker: CircuitBreaker; clock: ManualClock } => {
  const clock = new ManualClock()
  return { clock, breaker: new CircuitBreaker({ trip: consecutive(1), openMs: 1000, clock, ...options }) }
}

const timers = (): string[] => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout')

/** Found by running opossum 10 (O) and cockatiel 4 (C): each is something that this breaker must not do. */
describe('faults reproduced in other breakers', () => {
  it('O1: a restored circuit stays open for what was left of its own open period, not of the uptime', () => {
    const { breaker, clock } = make({ openMs: 10_000 })
    clock.advance(500_000)
    failTimes(breaker, 1)
    clock.advance(2000)
    const saved = breaker.snapshot()
    clock.advance(3000)
    const restored = new CircuitBreaker({ openMs: 10_000, clock })
    restored.restore(saved)
    expect(restored.state).toBe('open')
    expect(restored.retryAfterMs).toBe(10_000 - 2000 - 3000)
  })

  it('O2: a late success of the closed era does not close a half-open circuit', () => {
    const { breaker, clock } = make({ halfOpen: { successes: 2 } })
    const late = breaker.acquire()
    failTimes(breaker, 1)
    clock.advance(1000)
    succeedTimes(breaker, 1)
    late.success()
    expect(breaker.state).toBe('half-open')
    expect(breaker.stats.stale).toBe(1)
  })

  it('C2: a late failure of the closed era does not reopen, and the probe keeps its say', () => {
    const { breaker, clock } = make()
    const late = breaker.acquire()
    failTimes(breaker, 1)
    clock.advance(1000)
    const probe = breaker.acquire()
    late.failure(new Error('late'))
    expect(breaker.state).toBe('half-open')
    probe.success()
    expect(breaker.state).toBe('closed')
  })

  it('O3: undefined, null, plain values and thenables all count as success', async () => {
    const { breaker } = make()
    const thenable: PromiseLike<string> = {
      // oxlint-disable-next-line unicorn/no-thenable -- the very thing under test
      then: (resolve) => Promise.resolve('then').then(resolve),
    }
    expect(await breaker.execute(() => undefined)).toBeUndefined()
    expect(await breaker.execute(() => null)).toBeNull()
    expect(await breaker.execute(() => 0)).toBe(0)
    expect(await breaker.execute(() => thenable)).toBe('then')
    expect(breaker.stats).toMatchObject({ state: 'closed', successes: 4, failures: 0 })
  })

  it('O4 and C3: a probe that hangs does not keep the circuit half-open, and no caller waits for it', async () => {
    const { breaker, clock } = make({ halfOpen: { probeTimeoutMs: 500 } })
    failTimes(breaker, 1)
    clock.advance(1000)
    void breaker.execute(() => new Promise(() => {}))
    const refusals = await Promise.all(
      Array.from({ length: 1000 }, () => rejectionOf(breaker.execute(() => 'x'))),
    )
    expect(
      refusals.every((refusal) => CircuitBreakerOpenError.is(refusal) && refusal.reason === 'probing'),
    ).toBe(true)
    clock.advance(500)
    expect(breaker.state).toBe('open')
    clock.advance(1000)
    expect(await breaker.execute(() => 'back')).toBe('back')
    expect(breaker.state).toBe('closed')
  })

  it('C4: the success of one probe releases no crowd: at most `concurrency` calls run in half-open', async () => {
    const { breaker, clock } = make({ halfOpen: { successes: 3, concurrency: 2 } })
    failTimes(breaker, 1)
    clock.advance(1000)
    let running = 0
    let most = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running--
    }
    const round = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 1000 }, () => rejectionOf(breaker.execute(work))))
    await round()
    expect(most).toBe(2)
    expect(breaker.state).toBe('half-open')
    await round()
    expect(most).toBe(2)
  })

  it('C1: after an hour without calls a five second window holds nothing', () => {
    const { breaker, clock } = make({ trip: timeWindow({ windowMs: 5000, buckets: 5, minCalls: 5 }) })
    failTimes(breaker, 4)
    clock.advance(3_600_000)
    expect(breaker.stats.window.calls).toBe(0)
    failTimes(breaker, 1)
    expect(breaker.state).toBe('closed')
  })

  it('C7: setting the wall clock back or forth changes nothing', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_000_000 })
    try {
      const breaker = new CircuitBreaker({ trip: consecutive(1), openMs: 60_000 })
      failTimes(breaker, 1)
      vi.setSystemTime(1_700_000_000_000 + 3_600_000)
      expect(breaker.state).toBe('open')
      vi.setSystemTime(1_700_000_000_000 - 3_600_000)
      expect(breaker.retryAfterMs).toBeLessThanOrEqual(60_000)
    } finally {
      vi.useRealTimers()
    }
  })

  it('C7: a wall clock set back an hour while saved keeps a circuit open no longer than its open period', () => {
    const { breaker, clock } = make()
    failTimes(breaker, 1)
    const saved = breaker.snapshot()
    clock.jumpWall(-3_600_000)
    const restored = new CircuitBreaker({ clock })
    restored.restore(saved)
    expect(restored.retryAfterMs).toBe(1000)
    clock.advance(1000)
    expect(restored.state).toBe('half-open')
  })

  it('O5: refused calls never enter the failure rate', async () => {
    const { breaker, clock } = make({ trip: countWindow({ size: 4, minCalls: 2, failureRate: 0.5 }) })
    failTimes(breaker, 2)
    await Promise.all(Array.from({ length: 99 }, () => rejectionOf(breaker.execute(() => 1))))
    clock.advance(1000)
    succeedTimes(breaker, 1)
    expect(breaker.stats.rejected.open).toBe(99)
    expect(breaker.stats.window).toEqual({ calls: 0, failures: 0, slow: 0 })
    failTimes(breaker, 2)
    expect(breaker.state).toBe('open')
  })

  it('O6: the window of before does not outlive the recovery: one failure after it does not reopen', () => {
    const { breaker, clock } = make({ trip: countWindow({ size: 20, minCalls: 10, failureRate: 0.5 }) })
    failTimes(breaker, 10)
    clock.advance(1000)
    succeedTimes(breaker, 1)
    failTimes(breaker, 1)
    expect(breaker.state).toBe('closed')
  })

  it('O9: a call that was refused locally and never made is no outcome', () => {
    const { breaker } = make({ trip: consecutive(2) })
    for (let call = 0; call < 10; call++) breaker.acquire().release()
    expect(breaker.stats).toMatchObject({ state: 'closed', failures: 0, ignored: 10 })
  })

  it('O10 and C8: a probe without a verdict gives its place back and leaves the circuit half-open', () => {
    const { breaker, clock } = make()
    failTimes(breaker, 1)
    clock.advance(1000)
    breaker.acquire().settle(new DOMException('the caller left', 'AbortError'))
    expect(breaker.state).toBe('half-open')
    breaker.acquire().success()
    expect(breaker.state).toBe('closed')
  })

  it('O8: the time limit of one call aborts that call and no other', async () => {
    const { breaker } = make()
    const seen: Record<string, AbortSignal | undefined> = {}
    const other = deferred<string>()
    const innocent = breaker.execute(
      ({ signal }) => {
        seen['innocent'] = signal
        return other.promise
      },
      { timeoutMs: 60_000 },
    )
    const late = await rejectionOf(
      breaker.execute(
        ({ signal }) => {
          seen['late'] = signal
          return new Promise(() => {})
        },
        { timeoutMs: 5 },
      ),
    )
    expect(late).toMatchObject({ name: 'TimeoutError' })
    expect(seen['late']?.aborted).toBe(true)
    expect(seen['innocent']?.aborted).toBe(false)
    other.resolve('fine')
    expect(await innocent).toBe('fine')
  })

  it('O14 and C6: a listener that throws neither fails a call nor takes the place of its error', async () => {
    const reported: unknown[] = []
    const { breaker, clock } = make({ onListenerError: (error) => reported.push(error) })
    breaker.on('transition', () => {
      throw new Error('listener')
    })
    const upstream = new Error('upstream')
    expect(await rejectionOf(breaker.execute(() => Promise.reject(upstream)))).toBe(upstream)
    expect(breaker.state).toBe('open')
    clock.advance(1000)
    expect(await breaker.execute(() => 'value')).toBe('value')
    expect(reported).toHaveLength(3)
  })

  it('C5: isolation is never saved, so nothing is restored that no one could end', () => {
    const { breaker, clock } = make()
    breaker.isolate('maintenance')
    const restored = new CircuitBreaker({ clock })
    restored.restore(structuredClone(breaker.snapshot()))
    expect(restored.state).toBe('closed')
    expect(restored.tryAcquire()).not.toBeNull()
  })

  it('O11: a million calls leave no more memory behind than a thousand', () => {
    const script = `
      import { CircuitBreaker, timeWindow } from '@mreg/circuit-breaker'
      const breaker = new CircuitBreaker({ trip: timeWindow({ minCalls: 1_000_000_000 }), slowMs: 1000 })
      const error = new Error('down')
      const call = (times) => {
        for (let i = 0; i < times; i++) {
          const permit = breaker.acquire()
          if (i % 3 === 0) permit.failure(error); else permit.success()
        }
        gc()
        return process.memoryUsage().heapUsed
      }
      call(10_000)
      const before = call(1000)
      const after = call(1_000_000)
      console.log(after - before)`
    const child = spawnSync(
      process.execPath,
      ['--expose-gc', '--conditions=@mreg/source', '--input-type=module', '-e', script],
      { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8' },
    )
    expect(child.stderr).toBe('')
    // 200 000 latencies would be more than a megabyte.
    expect(Number(child.stdout)).toBeLessThan(300_000)
  }, 60_000)

  it('O12: no timer is left, open or closed, after a time-out or without', async () => {
    const before = timers()
    const breaker = new CircuitBreaker({ trip: consecutive(1) })
    await breaker.execute(() => 1, { timeoutMs: 60_000 })
    await rejectionOf(breaker.execute(() => new Promise(() => {}), { timeoutMs: 1 }))
    expect(breaker.state).toBe('open')
    expect(timers()).toEqual(before)
  })

  it('O7: the options object is left as it was, and later changes to it change nothing', () => {
    const halfOpen = { successes: 2 }
    const options = { name: 'mine', openMs: 1000, halfOpen }
    const breaker = new CircuitBreaker(options)
    expect(options).toEqual({ name: 'mine', openMs: 1000, halfOpen: { successes: 2 } })
    options.openMs = 5
    halfOpen.successes = 1
    breaker.trip()
    expect(breaker.retryAfterMs).toBeGreaterThan(900)
  })

  it('C12: a threshold that could never be reached is refused at once', () => {
    expect(() => consecutive(Number.NaN)).toThrow(RangeError)
    expect(() => consecutive(Infinity)).toThrow(RangeError)
  })

  it('C9: the state is the state of now, and asking for it moves nothing', () => {
    const { breaker, clock } = make()
    const heard: string[] = []
    breaker.on('transition', ({ to }) => heard.push(to))
    failTimes(breaker, 1)
    clock.advance(1000)
    expect(breaker.state).toBe('half-open')
    expect(breaker.state).toBe('half-open')
    expect(heard).toEqual(['open'])
    clock.jumpMonotonic(-1)
    expect(breaker.state).toBe('open')
  })
})

describe('what else a call must not leave behind', () => {
  it('no listener on the signal of the caller', async () => {
    const { breaker } = make()
    const { signal } = new AbortController()
    await breaker.execute(() => 1, { signal, timeoutMs: 1000 })
    await rejectionOf(breaker.execute(() => Promise.reject(new Error('down')), { signal }))
    await rejectionOf(breaker.execute(() => 1, { signal }))
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
