import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'

import * as fc from 'fast-check'

import type { Check } from './check.ts'

/**
 * Whatever the order in which work, caller and the user's own hooks end, throw or give up: `execute` gives the value or
 * the very error of the work, runs it once at most, and leaves the books balanced and no listener behind.
 */
export const checkExecution: Check = (library, parameters) => {
  const anyCall = fc.record({
    ends: fc.constantFrom('value', 'error', 'sync-value', 'sync-error', 'nothing-thrown'),
    abort: fc.constantFrom('never', 'before', 'during'),
    signal: fc.boolean(),
    fallback: fc.constantFrom('none', 'value', 'error'),
    settlesEarly: fc.boolean(),
  })
  const property = fc.asyncProperty(
    fc.scheduler(),
    fc.array(anyCall, { minLength: 1, maxLength: 12 }),
    fc.constantFrom('fine', 'throws', 'nonsense'),
    fc.boolean(),
    async (scheduler, calls, classify, listenerThrows) => {
      const reported: unknown[] = []
      const breaker = new library.CircuitBreaker({
        trip: library.consecutive(3),
        openMs: () => (classify === 'fine' ? 1e9 : Number.NaN),
        onListenerError: (error) => {
          reported.push(error)
          throw error
        },
        ...(classify === 'fine'
          ? {}
          : { classify: () => (classify === 'throws' ? fail() : JSON.parse('"nonsense"')) }),
      })
      if (listenerThrows) {
        for (const type of ['transition', 'reject', 'stale'] as const) breaker.on(type, fail)
        breaker.on('transition', () => Promise.reject(new Error('an asynchronous listener')))
      }
      const outcomes = calls.map(async (call, index) => {
        const controller = new AbortController()
        const reason = new Error(`caller ${index} left`)
        if (call.abort === 'before') controller.abort(reason)
        if (call.abort === 'during') {
          void scheduler.schedule(Promise.resolve(), `abort ${index}`).then(() => controller.abort(reason))
        }
        const own = { error: new Error(`error ${index}`), value: { index }, fallback: { fallback: index } }
        let runs = 0
        let fallbacks = 0
        const ended = scheduler.schedule(Promise.resolve(), `end ${index}`)
        const promise = breaker.execute<unknown>(
          ({ permit }) => {
            runs++
            if (call.settlesEarly) permit.success()
            if (call.ends === 'sync-value') return own.value
            if (call.ends === 'sync-error') throw own.error
            const failure = call.ends === 'error' ? own.error : undefined
            return ended.then(() => (call.ends === 'value' ? own.value : rejectWith(failure)))
          },
          {
            ...(call.signal ? { signal: controller.signal } : {}),
            ...(call.fallback === 'none'
              ? {}
              : {
                  fallback: () => {
                    fallbacks++
                    return call.fallback === 'value' ? own.fallback : Promise.reject(own.error)
                  },
                }),
          },
        )
        const result = await promise.then(
          (value) => ({ value }),
          (error: unknown) => ({ error }),
        )
        assert.ok(runs <= 1 && fallbacks <= 1, 'called more than once')
        assert.equal(getEventListeners(controller.signal, 'abort').length, 0, 'listeners left')
        const allowed: unknown[] = [own.value, own.error, own.fallback, undefined]
        if (call.signal && call.abort !== 'never') allowed.push(reason)
        const got = 'value' in result ? result.value : result.error
        assert.ok(allowed.includes(got) || library.CircuitBreakerOpenError.is(got), "someone else's result")
        if ('value' in result) assert.ok(got === own.value || got === own.fallback)
        if (call.signal && call.abort === 'before') {
          assert.deepEqual([runs, fallbacks, got], [0, 0, reason])
        }
        if (runs === 1 && fallbacks === 0 && !(call.signal && call.abort !== 'never')) {
          const good = call.ends === 'value' || call.ends === 'sync-value'
          assert.deepEqual(
            result,
            good ? { value: own.value } : { error: call.ends === 'nothing-thrown' ? undefined : own.error },
          )
        }
        const mayBeGood = call.settlesEarly || call.ends === 'value' || call.ends === 'sync-value'
        return { runs, mayBeGood: runs === 1 && mayBeGood }
      })
      await scheduler.waitAll()
      const made = (await Promise.all(outcomes)).filter(({ runs }) => runs === 1)
      const { stats } = breaker
      assert.equal(stats.acquired, made.length)
      assert.ok(
        stats.successes <= made.filter(({ mayBeGood }) => mayBeGood).length,
        'a failure counts as success',
      )
      assert.equal(stats.outstanding, 0)
      assert.equal(stats.acquired, stats.successes + stats.failures + stats.ignored + stats.stale)
    },
  )
  return fc.assert(property, parameters)
}

const fail = (): never => {
  throw new Error('the hook of the user')
}

/** Work may reject with anything, also with nothing at all. */
function rejectWith(reason: unknown): Promise<never> {
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- that is the point
  return Promise.reject(reason)
}
