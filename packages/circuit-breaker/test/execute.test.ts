import { describe, expect, it } from 'vitest'

import { CircuitBreaker, CircuitBreakerOpenError, consecutive } from '../src/index.ts'
import { deferred, rejectionOf, thrownBy } from './drive.ts'
import { ManualClock } from './manual-clock.ts'

describe('execute', () => {
  it('gives the value of the work, and the very error it threw', async () => {
    const breaker = new CircuitBreaker()
    const error = new Error('down')
    const value = { any: 'thing' }
    expect(await breaker.execute(() => value)).toBe(value)
    expect(await breaker.execute(async () => value)).toBe(value)
    expect(await rejectionOf(breaker.execute(() => Promise.reject(error)))).toBe(error)
    expect(
      await rejectionOf(
        breaker.execute(() => {
          throw error
        }),
      ),
    ).toBe(error)
    expect(breaker.stats).toMatchObject({ successes: 2, failures: 2, outstanding: 0 })
  })

  it('rejects at once while open, without calling the work', async () => {
    const breaker = new CircuitBreaker({ name: 'db' })
    breaker.trip()
    const refusal = await rejectionOf(breaker.execute(() => expect.unreachable()))
    expect(CircuitBreakerOpenError.is(refusal)).toBe(true)
    expect(refusal).toMatchObject({ breaker: 'db', reason: 'open' })
  })

  it('calls the work before it returns', () => {
    let called = false
    void new CircuitBreaker().execute(() => {
      called = true
    })
    expect(called).toBe(true)
  })

  it('counts work that is too slow as a failure, aborts its signal, and ignores how it ends', async () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1) })
    const work = deferred<string>()
    let signal: AbortSignal | undefined
    const call = breaker.execute(
      (context) => {
        ;({ signal } = context)
        return work.promise
      },
      { timeoutMs: 5 },
    )
    const error = await rejectionOf(call)
    expect(error).toMatchObject({ name: 'TimeoutError', message: 'the call took longer than 5 ms' })
    expect(signal?.reason).toBe(error)
    expect(breaker.state).toBe('open')
    work.resolve('too late')
    await new Promise(setImmediate)
    expect(breaker.stats).toMatchObject({ acquired: 1, failures: 1, successes: 0 })
  })

  it('refuses a time-out that cannot be', async () => {
    for (const timeoutMs of [0, -1, Number.NaN, Infinity]) {
      expect(await rejectionOf(new CircuitBreaker().execute(() => 1, { timeoutMs }))).toBeInstanceOf(
        RangeError,
      )
    }
  })

  it('refuses a time-out longer than a timer can be', async () => {
    expect(await rejectionOf(new CircuitBreaker().execute(() => 1, { timeoutMs: 2 ** 31 }))).toBeInstanceOf(
      RangeError,
    )
  })

  it('rejects as soon as the caller aborts, though the work takes no notice, and gives no verdict', async () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1) })
    const controller = new AbortController()
    const call = breaker.execute(() => new Promise(() => {}), {
      signal: controller.signal,
      timeoutMs: 10_000,
    })
    controller.abort(new Error('left'))
    expect(await rejectionOf(call)).toMatchObject({ message: 'left' })
    expect(breaker.stats).toMatchObject({ state: 'closed', ignored: 1, outstanding: 0 })
  })

  it('hands the work the caller’s own signal when there is no time-out, and none when there is neither', async () => {
    const breaker = new CircuitBreaker()
    const { signal } = new AbortController()
    expect(await breaker.execute((context) => context.signal === signal, { signal })).toBe(true)
    expect(await breaker.execute((context) => context.signal === undefined)).toBe(true)
    expect(await breaker.execute((context) => context.signal === undefined, {})).toBe(true)
  })

  it('asks the fallback for refusals, failures and time-outs, with the reason', async () => {
    const breaker = new CircuitBreaker({ trip: consecutive(2) })
    const reasons: unknown[] = []
    const fallback = (reason: unknown): string => {
      reasons.push(reason)
      return 'cached'
    }
    const error = new Error('down')
    expect(await breaker.execute(() => Promise.reject(error), { fallback })).toBe('cached')
    expect(await breaker.execute(() => new Promise<string>(() => {}), { fallback, timeoutMs: 2 })).toBe(
      'cached',
    )
    expect(await breaker.execute(() => 'never', { fallback })).toBe('cached')
    expect(reasons).toMatchObject([error, { name: 'TimeoutError' }, { code: 'ERR_CIRCUIT_OPEN' }])
  })

  it('does not ask the fallback when the caller left, and passes on what the fallback throws', async () => {
    const breaker = new CircuitBreaker()
    const controller = new AbortController()
    const call = breaker.execute(() => new Promise<string>(() => {}), {
      signal: controller.signal,
      fallback: () => 'unwanted',
    })
    controller.abort()
    expect(await rejectionOf(call)).toMatchObject({ name: 'AbortError' })
    const worse = new Error('the fallback failed too')
    const second = breaker.execute(() => Promise.reject(new Error('down')), {
      fallback: () => {
        throw worse
      },
    })
    expect(await rejectionOf(second)).toBe(worse)
  })

  it('lets a stream settle at its headers, and hear of a break later', async () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1) })
    const body = await breaker.execute(({ permit }) => {
      permit.success()
      return new ReadableStream<string>({
        start(controller) {
          controller.enqueue('first')
        },
        pull(controller) {
          controller.error(new Error('broke off'))
        },
      })
    })
    expect(breaker.stats).toMatchObject({ successes: 1, outstanding: 0 })
    const reader = body.getReader()
    await reader.read()
    await rejectionOf(reader.read().then(() => reader.read()))
    breaker.record('failure')
    expect(breaker.state).toBe('open')
  })
})

describe('executeSync', () => {
  it('gives the value or throws the very error, and counts either', () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1) })
    expect(breaker.executeSync(() => 7)).toBe(7)
    const error = new Error('down')
    const failing = (): never => {
      throw error
    }
    expect(thrownBy(() => breaker.executeSync(failing))).toBe(error)
    expect(CircuitBreakerOpenError.is(thrownBy(() => breaker.executeSync(() => 7)))).toBe(true)
    expect(breaker.stats).toMatchObject({ successes: 1, failures: 1 })
  })
})

describe('wrap', () => {
  it('gives the same function behind the breaker', async () => {
    const breaker = new CircuitBreaker({ trip: consecutive(1) })
    const divide = breaker.wrap((a: number, b: number) => {
      if (b === 0) throw new RangeError('no')
      return a / b
    })
    expect(await divide(6, 3)).toBe(2)
    expect(await rejectionOf(divide(1, 0))).toBeInstanceOf(RangeError)
    expect(CircuitBreakerOpenError.is(await rejectionOf(divide(6, 3)))).toBe(true)
  })
})

describe('classification', () => {
  it('lets the upstream say for how long to leave it alone', () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({
      clock,
      classify: (error) => (error ? { outcome: 'failure', openMs: 7000 } : 'success'),
    })
    breaker.acquire().settle(new Error('429'))
    expect(breaker.retryAfterMs).toBe(7000)
  })

  it('falls back to the default when the user’s own throws or answers nonsense, and reports it', () => {
    const reported: unknown[] = []
    const answers = [() => JSON.parse('"perhaps"'), () => JSON.parse('null'), () => JSON.parse('oops')]
    for (const classify of answers) {
      const breaker = new CircuitBreaker({ classify, onListenerError: (error) => reported.push(error) })
      expect(breaker.acquire().settle(new Error('down'))).toBe('failure')
      expect(breaker.acquire().settle(undefined, 'fine')).toBe('success')
    }
    expect(reported).toHaveLength(6)
  })

  it('gives the outcome of a settlement, and `ignored` for the second', () => {
    const permit = new CircuitBreaker().acquire()
    expect(permit.settle(undefined)).toBe('success')
    expect(permit.settle(new Error('late'))).toBe('ignored')
  })
})
