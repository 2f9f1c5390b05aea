import { spawnSync } from 'node:child_process'
import { getEventListeners } from 'node:events'
import { fileURLToPath } from 'node:url'

import { describe, expect, it } from 'vitest'

import {
  anyOf,
  backoff,
  CircuitBreaker,
  CircuitBreakerOpenError,
  CircuitBreakerRegistry,
  consecutive,
  countWindow,
  overdue,
  timeWindow,
  type CircuitBreakerOptions,
  type CircuitSync,
  type TransitionRecord,
} from '../src/index.ts'
import { prometheusText } from '../src/prometheus.ts'
import { deferred, failTimes, rejectionOf, succeedTimes, thrownBy } from './drive.ts'
import { ManualClock } from './manual-clock.ts'

const make = (options: CircuitBreakerOptions = {}): { breaker: CircuitBreaker; clock: ManualClock } => {
  const clock = new ManualClock()
  return { clock, breaker: new CircuitBreaker({ trip: consecutive(1), openMs: 1000, clock, ...options }) }
}

const halfOpen = (options: CircuitBreakerOptions = {}): { breaker: CircuitBreaker; clock: ManualClock } => {
  const made = make(options)
  made.breaker.trip()
  made.clock.advance(made.breaker.retryAfterMs)
  return made
}

/** Known from the issue trackers of other breakers, fixed there or not: `name#number` says where. */
describe('faults known from the trackers of other breakers', () => {
  it('opossum#385: calls that fail at the same moment open once, and the way to half-open stays', async () => {
    const { breaker, clock } = make({ trip: consecutive(3) })
    await Promise.all(
      Array.from({ length: 6 }, () =>
        rejectionOf(breaker.execute(async () => Promise.reject(new Error('x')))),
      ),
    )
    expect(breaker.stats.transitions).toEqual({ 'closed->open': 1 })
    clock.advance(1000)
    expect(breaker.state).toBe('half-open')
  })

  it('opossum#119, Polly#216: half-open lets no flood through', () => {
    const { breaker } = halfOpen()
    const permits = Array.from({ length: 100 }, () => breaker.tryAcquire())
    expect(permits.filter((permit) => permit !== null)).toHaveLength(1)
  })

  it('opossum#276: the minimum of calls does not hold half-open back', () => {
    const { breaker } = halfOpen({ trip: countWindow({ size: 10, minCalls: 10 }) })
    breaker.acquire().failure()
    expect(breaker.state).toBe('open')
  })

  it('opossum#388, resilience4j#544, Polly#1979: ignored probes do not strand half-open', () => {
    const { breaker } = halfOpen({ classify: (error) => (error ? 'ignored' : 'success') })
    for (let call = 0; call < 50; call++) breaker.acquire().settle(new Error('not a verdict'))
    breaker.acquire().settle(undefined)
    expect(breaker.state).toBe('closed')
  })

  it('opossum#484: under load there is always exactly one state', async () => {
    const { breaker, clock } = make({ trip: consecutive(2), halfOpen: { successes: 2 } })
    for (let round = 0; round < 200; round++) {
      await Promise.all(
        Array.from({ length: 5 }, (_, call) =>
          rejectionOf(
            breaker.execute(async () => ((round + call) % 3 === 0 ? Promise.reject(new Error('x')) : 1)),
          ),
        ),
      )
      expect(['closed', 'open', 'half-open']).toContain(breaker.state)
      clock.advance(300)
    }
  })

  it('opossum#580, #719, #658: half-open comes by time alone, without a timer having to run', async () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1), openMs: 20 })
    failTimes(breaker, 1)
    const until = performance.now() + 25
    // Only microtasks: no timer can fire in here.
    while (performance.now() < until) await Promise.resolve()
    expect(breaker.state).toBe('half-open')
    expect(await breaker.execute(() => 'served')).toBe('served')
  })

  it('opossum#378, resilience4j#351: an open circuit keeps no process alive', () => {
    const script = `
      import { CircuitBreaker } from '@mreg/circuit-breaker'
      const breaker = new CircuitBreaker({ openMs: 3_600_000 })
      breaker.trip()
      breaker.events()
      const busy = new CircuitBreaker()
      void busy.execute(() => new Promise(() => {}), { timeoutMs: 3_600_000 })
      console.log(breaker.state, process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length)`
    const child = spawnSync(
      process.execPath,
      ['--conditions=@mreg/source', '--input-type=module', '-e', script],
      { cwd: fileURLToPath(new URL('..', import.meta.url)), encoding: 'utf8', timeout: 50_000 },
    )
    expect(child.signal).toBeNull()
    expect(child.stdout.trim()).toBe('open 0')
  }, 60_000)

  it('opossum#799, #809, #648: a thousand breakers are a thousand objects and no timer', () => {
    const timers = process.getActiveResourcesInfo().length
    const breakers = Array.from({ length: 1000 }, () => new CircuitBreaker({ trip: timeWindow() }))
    for (const breaker of breakers) breaker.acquire().failure()
    expect(process.getActiveResourcesInfo()).toHaveLength(timers)
  })

  it('opossum#363, resilience4j#2243, #1020: what left the registry has left the metrics', () => {
    const registry = new CircuitBreakerRegistry()
    registry.get('gone').acquire().success()
    registry.get('stays').acquire().success()
    registry.delete('gone')
    expect(prometheusText(registry)).not.toContain('gone')
    expect(prometheusText(registry)).toContain('name="stays"')
  })

  it('resilience4j#273, #650, #703: keys without end do not take memory without end', () => {
    const clock = new ManualClock()
    const registry = new CircuitBreakerRegistry({
      max: 50,
      idleMs: 1000,
      defaults: { clock, trip: consecutive(1), openMs: 10 },
    })
    for (let key = 0; key < 10_000; key++) {
      registry.get(`key-${key}`).acquire().failure()
      clock.advance(1)
    }
    // Open ones stay, and those whose open period is over until they count as idle.
    expect(registry.size).toBeLessThan(50 + 2 * 1000 + 100)
    for (let key = 0; key < 10_000; key++) registry.get(`healthy-${key}`).acquire().success()
    expect(registry.peek('healthy-9999')).toBeDefined()
  })

  it('opossum#198: a fallback is called once', async () => {
    const { breaker } = make()
    let calls = 0
    const fallback = (): string => `fallback ${++calls}`
    expect(await breaker.execute(() => Promise.reject(new Error('x')), { fallback })).toBe('fallback 1')
    expect(await breaker.execute(() => 'never', { fallback })).toBe('fallback 2')
    expect(calls).toBe(2)
  })

  it('opossum#45: a refused call is not a failure', async () => {
    const { breaker } = make()
    failTimes(breaker, 1)
    for (let call = 0; call < 10; call++) await rejectionOf(breaker.execute(() => 1))
    expect(breaker.stats.failures).toBe(1)
    expect(breaker.stats.rejected.open).toBe(10)
  })

  it('opossum#217: the first failure is not a rate of one hundred per cent', () => {
    const { breaker } = make({ trip: timeWindow({ failureRate: 0.5 }) })
    failTimes(breaker, 1)
    expect(breaker.state).toBe('closed')
  })

  it('cockatiel#69, #81, node#54614, #55351: a long-lived signal gathers no listeners', async () => {
    const { breaker } = make({ trip: consecutive(1000) })
    const { signal } = new AbortController()
    for (let call = 0; call < 100; call++) {
      await breaker.execute(() => 1, { signal })
      await rejectionOf(breaker.execute(() => Promise.reject(new Error('x')), { signal, timeoutMs: 1000 }))
    }
    breaker.on('transition', () => {}, { signal })()
    await breaker.events({ signal }).return?.()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  it('cockatiel#112: the signal reaches the probe too', async () => {
    const { breaker } = halfOpen()
    const controller = new AbortController()
    const call = breaker.execute(
      ({ signal }) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('stopped')))),
      { signal: controller.signal },
    )
    const reason = new Error('the caller left')
    controller.abort(reason)
    expect(await rejectionOf(call)).toBe(reason)
    expect(breaker.state).toBe('half-open')
  })

  it('cockatiel#101: the reason for the abort is the one that was given', async () => {
    const { breaker } = make()
    const reason = { not: 'even an error' }
    expect(await rejectionOf(breaker.execute(() => 1, { signal: AbortSignal.abort(reason) }))).toBe(reason)
  })

  it('cockatiel#113: a snapshot shares nothing with the breaker, and holds its window', () => {
    const { breaker, clock } = make({ trip: countWindow({ size: 4, minCalls: 4 }) })
    failTimes(breaker, 2)
    const saved = breaker.snapshot()
    const before = structuredClone(saved)
    succeedTimes(breaker, 2)
    expect(saved).toEqual(before)
    const restored = new CircuitBreaker({ trip: countWindow({ size: 4, minCalls: 4 }), clock })
    restored.restore(saved)
    expect(restored.stats.window).toEqual({ calls: 2, failures: 2, slow: 0 })
  })

  it('cockatiel#86: jitter never makes a duration that is no number', () => {
    const duration = backoff({ initialMs: 1, factor: 10, maxMs: 1e9, jitter: 1 })
    for (const opening of [1, 2, 10, 400, 1e6]) {
      for (const random of [0, 0.5, 0.999_999]) expect(duration(opening, random)).toBeGreaterThanOrEqual(0)
    }
  })

  it('cockatiel#91, failsafe-go#97: the state says half-open as soon as it is', () => {
    const { breaker, clock } = make()
    failTimes(breaker, 1)
    clock.advance(1000)
    expect(breaker.state).toBe('half-open')
  })

  it('resilience4j#935, #2028, #2289: half-open without traffic waits, and with a hung probe ends', () => {
    const { breaker, clock } = halfOpen({ halfOpen: { probeTimeoutMs: 100 } })
    clock.advance(3_600_000)
    expect(breaker.state).toBe('half-open')
    breaker.acquire()
    clock.advance(100)
    expect(breaker.state).toBe('open')
  })

  it('resilience4j#1432, failsafe#391: never more probes than allowed, also after late or double releases', () => {
    const { breaker, clock } = make({ halfOpen: { successes: 2, concurrency: 2 } })
    const old = breaker.acquire()
    breaker.trip()
    clock.advance(1000)
    const probe = breaker.acquire()
    probe.release()
    probe.release()
    old.release()
    const permits = Array.from({ length: 10 }, () => breaker.tryAcquire())
    expect(permits.filter((permit) => permit !== null)).toHaveLength(2)
  })

  it('resilience4j#2038: asking an open circuit whose time is over does not go round in circles', () => {
    const { breaker } = make({ openMs: () => 0 })
    for (let call = 0; call < 100; call++) {
      const permit = breaker.tryAcquire()
      expect(permit).not.toBeNull()
      permit?.failure()
    }
  })

  it('resilience4j#991: time does not end what an operator forced open', () => {
    const { breaker, clock } = make()
    failTimes(breaker, 1)
    const isolation = breaker.isolate('maintenance')
    clock.advance(3_600_000)
    expect(breaker.state).toBe('isolated')
    expect(breaker.tryAcquire()).toBeNull()
    isolation[Symbol.dispose]()
    expect(breaker.state).toBe('half-open')
  })

  it('resilience4j#646, #674, #1437, Polly#219: each transition happens, and is told of, once', async () => {
    const { breaker, clock } = make({ trip: consecutive(2) })
    const heard: string[] = []
    breaker.on('transition', ({ from, to }) => heard.push(`${from}->${to}`))
    const calls = Array.from({ length: 8 }, () => deferred<never>())
    const results = calls.map(({ promise }) => rejectionOf(breaker.execute(() => promise)))
    for (const { reject } of calls) reject(new Error('x'))
    await Promise.all(results)
    clock.advance(1000)
    await breaker.execute(() => 1)
    expect(heard).toEqual(['closed->open', 'open->half-open', 'half-open->closed'])
  })

  it('resilience4j#1597: calls that hang open the circuit before the first of them has come back', () => {
    const { breaker, clock } = make({ trip: anyOf(consecutive(5), overdue({ calls: 3, afterMs: 800 })) })
    const hung = Array.from({ length: 3 }, () => breaker.acquire())
    clock.advance(800)
    expect(breaker.state).toBe('closed')
    clock.advance(100)
    expect(breaker.state).toBe('open')
    expect(breaker.tryAcquire()).toBeNull()
    for (const permit of hung) permit.failure(new Error('time-out'))
    expect(breaker.stats.stale).toBe(3)
  })

  it('resilience4j#1262: the count of slow calls starts anew with the window', () => {
    const { breaker, clock } = make({
      trip: countWindow({ size: 2, slowRate: 1 }),
      slowMs: 100,
    })
    const slowly = (): void => {
      const permit = breaker.acquire()
      clock.advance(101)
      permit.success()
    }
    slowly()
    slowly()
    expect(breaker.state).toBe('open')
    clock.advance(1000)
    succeedTimes(breaker, 1)
    slowly()
    expect(breaker.state).toBe('closed')
  })

  it('resilience4j#734, #2234: every time in it comes from the clock it was given', () => {
    const { breaker, clock } = make({ trip: timeWindow({ minCalls: 1 }), slowMs: 10 })
    failTimes(breaker, 1)
    clock.advance(1000)
    expect(breaker.snapshot()).toMatchObject({
      takenAt: clock.wallNow(),
      phaseAgeMs: 1000,
      openRemainingMs: 0,
    })
    expect(breaker.state).toBe('half-open')
  })

  it('gobreaker#37: a listener may call anything', () => {
    const { breaker } = make()
    const heard: string[] = []
    breaker.on('transition', ({ to }) => {
      heard.push(to)
      if (to === 'open') breaker.reset()
      breaker.snapshot()
      breaker.tryAcquire()?.success()
    })
    breaker.on('transition', ({ from, to }) => heard.push(`${from}->${to}`))
    failTimes(breaker, 1)
    expect(breaker.state).toBe('closed')
    expect(heard).toEqual(['open', 'closed->open', 'closed', 'open->closed'])
  })

  it('solace-broker-mcp#296: failures in a row add up however far apart they are', () => {
    const { breaker, clock } = make({ trip: consecutive(3) })
    for (let call = 0; call < 3; call++) {
      failTimes(breaker, 1)
      clock.advance(86_400_000)
    }
    expect(breaker.stats.transitions).toEqual({ 'closed->open': 1 })
  })

  it('gobreaker#21: a failure counts for the whole window and not a moment longer than its step', () => {
    const { breaker, clock } = make({ trip: timeWindow({ windowMs: 1000, buckets: 10, minCalls: 9 }) })
    failTimes(breaker, 1)
    clock.advance(999)
    expect(breaker.stats.window.failures).toBe(1)
    clock.advance(1)
    expect(breaker.stats.window.failures).toBe(0)
  })

  it('gobreaker (distributed): a store that hangs or fails delays no call', async () => {
    const errors: unknown[] = []
    const sync: CircuitSync = {
      publish: () => Promise.reject(new Error('store down')),
      subscribe: () => {
        throw new Error('store down')
      },
    }
    const registry = new CircuitBreakerRegistry({
      sync,
      defaults: { trip: consecutive(1) },
      onError: (error) => errors.push(error),
    })
    registry.get('a').acquire().failure()
    expect(registry.get('a').state).toBe('open')
    await new Promise(setImmediate)
    expect(errors).toHaveLength(2)
    registry[Symbol.dispose]()
  })

  it('gobreaker#109: clocks of different machines are never compared', () => {
    const records: TransitionRecord[] = []
    const { breaker, clock } = make({ origin: 'one' })
    breaker.on('transition', ({ record }) => record && records.push(record))
    failTimes(breaker, 1)
    const elsewhere = new ManualClock(5)
    const other = new CircuitBreaker({ clock: elsewhere, origin: 'two' })
    for (const record of records) other.adopt(record)
    expect(other.retryAfterMs).toBe(1000)
    expect(clock.now()).not.toBe(elsewhere.now())
  })

  it('envoy#18950: whatever the race, a healthy upstream is let back in', () => {
    const { breaker, clock } = make({ trip: consecutive(1) })
    const old = Array.from({ length: 20 }, () => breaker.acquire())
    breaker.trip()
    breaker.adopt({ name: 'circuit', epoch: 90, origin: 'x', state: 'open', openRemainingMs: 50 })
    for (const [index, permit] of old.entries()) {
      if (index % 2 === 0) permit.failure()
      else permit.success()
    }
    clock.advance(1000)
    succeedTimes(breaker, 1)
    expect(breaker.state).toBe('closed')
  })

  it('envoy#26877: the limit on open circuits is not overshot', () => {
    const registry = new CircuitBreakerRegistry({ maxOpenRatio: 0.5, defaults: { trip: consecutive(1) } })
    for (let key = 0; key < 10; key++) registry.get(`${key}`)
    for (let key = 0; key < 10; key++) registry.get(`${key}`).acquire().failure()
    const open = [...registry].filter(([, breaker]) => breaker.state === 'open')
    expect(open).toHaveLength(5)
  })

  it('envoy#40697: later openings take exactly as many failures as the first', () => {
    const { breaker, clock } = make({ trip: consecutive(3) })
    for (let round = 0; round < 5; round++) {
      failTimes(breaker, 2)
      expect(breaker.state).toBe('closed')
      failTimes(breaker, 1)
      expect(breaker.state).toBe('open')
      clock.advance(1000)
      succeedTimes(breaker, 1)
    }
  })

  it('Polly#933: a breaker inside itself is refused at once and strands nothing', async () => {
    const { breaker } = halfOpen()
    const nested = await rejectionOf(breaker.execute(() => breaker.execute(() => 'inner')))
    expect(CircuitBreakerOpenError.is(nested)).toBe(true)
    // The refusal is no verdict on the upstream: the place is free again.
    expect(breaker.state).toBe('half-open')
    expect(await breaker.execute(() => 'direct')).toBe('direct')
    expect(breaker.state).toBe('closed')
  })

  it('hermes-agent#11113, neurolink#1619: whether an error inside a result counts is for `classify` to say', () => {
    const reply = { isError: true }
    const lenient = make().breaker
    lenient.acquire().settle(undefined, reply)
    expect(lenient.state).toBe('closed')
    const strict = make({
      classify: (error, result) => (error || result === reply ? 'failure' : 'success'),
    }).breaker
    strict.acquire().settle(undefined, reply)
    expect(strict.state).toBe('open')
  })

  it('OmniRoute#7908: a caller who leaves does not fail the upstream', async () => {
    const { breaker } = make()
    const controller = new AbortController()
    const call = breaker.execute(() => new Promise(() => {}), { signal: controller.signal })
    controller.abort()
    expect(await rejectionOf(call)).toMatchObject({ name: 'AbortError' })
    expect(breaker.stats).toMatchObject({ state: 'closed', failures: 0, ignored: 1 })
  })

  it('decocms/studio#2967: one minute time-outs do not take five minutes to open', () => {
    const { breaker, clock } = make({ trip: anyOf(consecutive(5), overdue({ calls: 5, afterMs: 8000 })) })
    for (let call = 0; call < 5; call++) {
      breaker.acquire()
      clock.advance(100)
    }
    clock.advance(9000)
    const refusal = thrownBy(() => breaker.acquire())
    expect(CircuitBreakerOpenError.is(refusal)).toBe(true)
  })
})
