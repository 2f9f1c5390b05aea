import { describe, expect, it } from 'vitest'

import { CircuitBreakerRegistry, consecutive, type CircuitSync, type TransitionRecord } from '../src/index.ts'
import { failTimes } from './drive.ts'
import { ManualClock } from './manual-clock.ts'

describe('a registry', () => {
  it('makes a breaker per key at first use, and gives the same one ever after', () => {
    const registry = new CircuitBreakerRegistry()
    const breaker = registry.get('a')
    expect(breaker.name).toBe('a')
    expect(registry.get('a')).toBe(breaker)
    expect(registry.peek('b')).toBeUndefined()
    expect([...registry].map(([key]) => key)).toEqual(['a'])
    expect(registry.size).toBe(1)
  })

  it('takes options by key over the defaults, and holds shared ones once', () => {
    const strict = { trip: consecutive(1) }
    let asked = 0
    const registry = new CircuitBreakerRegistry({
      defaults: { openMs: 1000, clock: new ManualClock() },
      options: (key) => {
        asked++
        return key.startsWith('strict') ? strict : undefined
      },
    })
    failTimes(registry.get('strict-1'), 1)
    failTimes(registry.get('strict-2'), 1)
    failTimes(registry.get('lenient'), 1)
    registry.get('lenient')
    expect(registry.get('strict-2').retryAfterMs).toBe(1000)
    expect(registry.get('lenient').state).toBe('closed')
    expect(asked).toBe(3)
  })

  it('makes room by the closed breaker that was used the longest ago', () => {
    const registry = new CircuitBreakerRegistry({ max: 2 })
    registry.get('a')
    registry.get('b')
    registry.get('a')
    registry.get('c')
    expect([...registry].map(([key]) => key)).toEqual(['a', 'c'])
  })

  it('does not let go of an open or isolated breaker, though it grows for it', () => {
    const registry = new CircuitBreakerRegistry({ max: 2 })
    registry.get('open').trip()
    const isolation = registry.get('isolated').isolate()
    for (let key = 0; key < 100; key++) registry.get(`key-${key}`)
    expect(registry.peek('open')?.state).toBe('open')
    expect(registry.peek('isolated')?.state).toBe('isolated')
    expect(registry.size).toBe(3)
    isolation[Symbol.dispose]()
  })

  it('lets go of what was idle for long, once a new key comes', () => {
    const clock = new ManualClock()
    const registry = new CircuitBreakerRegistry({ idleMs: 1000, defaults: { clock, openMs: 10 } })
    registry.get('idle')
    registry.get('once-open').trip()
    const used = registry.get('used')
    for (let period = 0; period < 3; period++) {
      clock.advance(1000)
      registry.get(`new-${period}`)
      expect(registry.get('used')).toBe(used)
    }
    expect(registry.peek('idle')).toBeUndefined()
    expect(registry.peek('once-open')).toBeUndefined()
  })

  it('keeps idle breakers that are open for as long as they are', () => {
    const clock = new ManualClock()
    const registry = new CircuitBreakerRegistry({ idleMs: 1000, defaults: { clock, openMs: 1e9 } })
    for (let key = 0; key < 50; key++) registry.get(`open-${key}`).trip()
    for (let period = 0; period < 5; period++) {
      clock.advance(1000)
      registry.get('new')
    }
    registry.get('another')
    expect(registry.size).toBe(52)
  })

  it('tells the events of all its breakers, by key, and iterates over them', async () => {
    const registry = new CircuitBreakerRegistry()
    const heard: string[] = []
    const events = registry.events()
    registry.on('transition', ({ name, to }) => heard.push(`${name} ${to}`))
    registry.on('reject', ({ name }) => heard.push(`${name} refused`))
    registry.get('a').trip()
    registry.get('b').trip()
    registry.get('a').tryAcquire()
    expect(heard).toEqual(['a open', 'b open', 'a refused'])
    expect((await events.next()).value).toMatchObject({ name: 'a', to: 'open' })
  })

  it('saves and restores all of them', () => {
    const clock = new ManualClock()
    const registry = new CircuitBreakerRegistry({ defaults: { clock } })
    registry.get('open').trip({ openMs: 5000 })
    failTimes(registry.get('failing'), 4)
    const saved = JSON.parse(JSON.stringify(registry.snapshot()))
    const restored = new CircuitBreakerRegistry({ defaults: { clock } })
    restored.restore(saved)
    expect(restored.get('open').retryAfterMs).toBe(5000)
    failTimes(restored.get('failing'), 1)
    expect(restored.get('failing').state).toBe('open')
    expect(() => restored.restore(JSON.parse('{}'))).toThrow('"breakers"')
  })

  it('opens no more by rule when most are open already, but may by hand, and one may always', () => {
    const registry = new CircuitBreakerRegistry({ maxOpenRatio: 0.5, defaults: { trip: consecutive(1) } })
    failTimes(registry.get('a'), 1)
    expect(registry.get('a').state).toBe('open')
    failTimes(registry.get('b'), 3)
    expect(registry.get('b').state).toBe('closed')
    registry.get('b').trip()
    expect(registry.get('b').state).toBe('open')
    registry.get('a').reset()
    registry.get('b').reset()
    failTimes(registry.get('b'), 1)
    expect(registry.get('b').state).toBe('open')
  })

  it('counts a deleted breaker among the open no more', () => {
    const registry = new CircuitBreakerRegistry({ maxOpenRatio: 0.5, defaults: { trip: consecutive(1) } })
    failTimes(registry.get('a'), 1)
    expect(registry.delete('a')).toBe(true)
    expect(registry.delete('a')).toBe(false)
    failTimes(registry.get('b'), 1)
    expect(registry.get('b').state).toBe('open')
  })
})

/** A channel within one process: everything that is published reaches everyone at once, the sender too. */
class Bus implements CircuitSync {
  readonly said: TransitionRecord[] = []
  readonly #ears = new Set<(record: TransitionRecord) => void>()

  publish(record: TransitionRecord): void {
    this.said.push(record)
    for (const apply of this.#ears) apply(record)
  }

  subscribe(apply: (record: TransitionRecord) => void): () => void {
    this.#ears.add(apply)
    return () => this.#ears.delete(apply)
  }

  get listeners(): number {
    return this.#ears.size
  }
}

const join = (
  bus: CircuitSync,
  origin: string,
  more: { quorum?: number; maxOpenRatio?: number; onError?: (error: unknown) => void } = {},
): CircuitBreakerRegistry => {
  const clock = new ManualClock()
  return new CircuitBreakerRegistry({ sync: bus, origin, defaults: { clock, openMs: 1000 }, ...more })
}

describe('registries that share', () => {
  it('do not open for the fault of one process', () => {
    const bus = new Bus()
    const sick = join(bus, 'sick')
    const healthy = join(bus, 'healthy')
    healthy.get('api').acquire().success()
    failTimes(sick.get('api'), 5)
    expect(bus.said).toMatchObject([{ name: 'api', origin: 'sick', state: 'open' }])
    for (let call = 0; call < 10; call++) healthy.get('api').acquire().success()
    expect(healthy.get('api').state).toBe('closed')
  })

  it('open at the first failure of their own once another has opened', () => {
    const bus = new Bus()
    const one = join(bus, 'one')
    const other = join(bus, 'other')
    other.get('api').acquire().success()
    failTimes(one.get('api'), 5)
    failTimes(other.get('api'), 1)
    expect(other.get('api').state).toBe('open')
    expect(other.get('api').stats.transitions).toEqual({ 'closed->open': 1 })
  })

  it('open at once where calls fail already', () => {
    const bus = new Bus()
    const one = join(bus, 'one')
    const other = join(bus, 'other')
    failTimes(other.get('api'), 1)
    failTimes(one.get('api'), 5)
    expect(other.get('api').state).toBe('open')
  })

  it('open for two that agree, and for any one with a quorum of one', () => {
    const bus = new Bus()
    const third = join(bus, 'third')
    const trusting = join(bus, 'trusting', { quorum: 1 })
    third.get('api')
    trusting.get('api')
    failTimes(join(bus, 'one').get('api'), 5)
    expect(trusting.get('api').state).toBe('open')
    expect(third.get('api').state).toBe('closed')
    failTimes(join(bus, 'two').get('api'), 5)
    expect(third.get('api').state).toBe('open')
  })

  it('close when the first of them finds the upstream healthy', () => {
    const bus = new Bus()
    const clock = new ManualClock()
    const registries = ['one', 'two'].map(
      (origin) =>
        new CircuitBreakerRegistry({ sync: bus, origin, quorum: 1, defaults: { clock, openMs: 1000 } }),
    )
    const [one, two] = registries.map((registry) => registry.get('api'))
    one?.trip()
    expect(two?.state).toBe('open')
    clock.advance(1000)
    one?.acquire().success()
    expect(two?.state).toBe('closed')
  })

  it('are not told of a fault that lies in the process itself', () => {
    const bus = new Bus()
    const breaker = join(bus, 'one').get('api')
    for (let call = 0; call < 5; call++) {
      breaker
        .acquire()
        .failure(new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'EAI_AGAIN' }) }))
    }
    expect(breaker.state).toBe('open')
    expect(bus.said).toEqual([])
  })

  it('make no breaker for a key that only others know', () => {
    const bus = new Bus()
    const registry = join(bus, 'one', { quorum: 1 })
    bus.publish({ name: 'theirs', epoch: 1, origin: 'x', state: 'open', openRemainingMs: 1000 })
    expect(registry.size).toBe(0)
  })

  it('let no one open more than their own limit on open circuits', () => {
    const bus = new Bus()
    const registry = join(bus, 'one', { quorum: 1, maxOpenRatio: 0.5 })
    registry.get('a')
    registry.get('b')
    for (const name of ['a', 'b'])
      bus.publish({ name, epoch: 1, origin: 'x', state: 'open', openRemainingMs: 1000 })
    expect([...registry].map(([, { state }]) => state)).toEqual(['open', 'closed'])
  })

  it('report what is no record, and go on', () => {
    const bus = new Bus()
    const errors: unknown[] = []
    join(bus, 'one', { onError: (error) => errors.push(error) })
    bus.publish(JSON.parse('{"name":"api"}'))
    expect(errors).toHaveLength(1)
  })

  it('leave when disposed of, once', () => {
    const bus = new Bus()
    const registry = join(bus, 'one')
    expect(bus.listeners).toBe(1)
    registry[Symbol.dispose]()
    registry[Symbol.dispose]()
    expect(bus.listeners).toBe(0)
    new CircuitBreakerRegistry()[Symbol.dispose]()
  })
})
