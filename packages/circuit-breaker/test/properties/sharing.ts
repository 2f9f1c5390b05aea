import assert from 'node:assert/strict'

import * as fc from 'fast-check'

import type { CircuitBreaker, TransitionRecord } from '../../src/index.ts'
import { ManualClock } from '../manual-clock.ts'
import type { Check } from './check.ts'

/**
 * Replicas that adopt each other's records agree in the end on the newest, though records were doubled, reordered and
 * lost on the way; and adopting a record again changes nothing.
 */
export const checkSharing: Check = (library, parameters) => {
  const replicas = 3
  const anyReplica = fc.nat({ max: replicas - 1 })
  const anyStep = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('fail'), at: anyReplica }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('recover'), at: anyReplica }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('trip'), at: anyReplica }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reset'), at: anyReplica }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('deliver'), at: anyReplica, which: fc.nat({ max: 50 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('wait'), at: anyReplica }) },
  )
  const property = fc.property(fc.array(anyStep, { minLength: 5, maxLength: 60, size: 'max' }), (steps) => {
    const clock = new ManualClock()
    const sent: TransitionRecord[] = []
    const all = Array.from({ length: replicas }, (_, index) => {
      const breaker = new library.CircuitBreaker({
        trip: library.consecutive(1),
        openMs: 1000,
        clock,
        origin: `replica-${index}`,
      })
      breaker.on('transition', ({ record, reason }) => {
        assert.ok(record === undefined || reason !== 'remote', 'what was heard is told again')
        if (record) sent.push(record)
      })
      return breaker
    })
    const act = (breaker: CircuitBreaker, step: (typeof steps)[number]): void => {
      if (step.do === 'fail') breaker.tryAcquire()?.failure(new Error('down'))
      else if (step.do === 'recover') breaker.tryAcquire()?.success()
      else if (step.do === 'trip') breaker.trip()
      else if (step.do === 'reset') breaker.reset()
      else if (step.do === 'wait') clock.advance(1000)
      else if (sent.length > 0 && 'which' in step) deliver(breaker, sent[step.which % sent.length])
    }
    for (const step of steps) {
      const breaker = all[step.at]
      if (breaker) act(breaker, step)
    }
    // Quiet: everything said reaches everyone, in another order for each, twice.
    for (const [index, breaker] of all.entries()) {
      const order = index % 2 === 0 ? sent : sent.toReversed()
      for (const record of [...order, ...order]) deliver(breaker, record)
    }
    const views = all.map((breaker) => breaker.snapshot().record)
    for (const view of views) assert.deepEqual(view, views[0])
    const newest = Math.max(0, ...sent.map(({ epoch }) => epoch))
    assert.equal(views[0]?.epoch ?? 0, newest)
    // Who believes it open does not admit, who believes it closed does.
    const [first] = all
    for (const breaker of all) {
      if (views[0]?.state === 'closed') assert.equal(breaker.state, 'closed')
      assert.equal(breaker.state === 'closed', first?.state === 'closed')
    }
  })
  fc.assert(property, parameters)
}

function deliver(breaker: CircuitBreaker, record: TransitionRecord | undefined): void {
  if (record === undefined) return
  breaker.adopt(record)
  const after = [breaker.snapshot(), breaker.stats]
  assert.equal(breaker.adopt(record), false, 'adopted twice')
  assert.deepEqual([breaker.snapshot(), breaker.stats], after)
}

/** With a quorum of two, one process, whatever it says, opens nothing for those whose calls succeed. */
export const checkQuorum: Check = (library, parameters) => {
  const anyRecord = fc.record({
    name: fc.constant('key'),
    epoch: fc.integer({ min: 1, max: 1000 }),
    origin: fc.constant('sick'),
    state: fc.constant('open' as const),
    openRemainingMs: fc.constantFrom(0, 1, 1000, 1e9),
  })
  const property = fc.property(fc.array(fc.option(anyRecord), { minLength: 1, maxLength: 30 }), (said) => {
    let tell: ((record: TransitionRecord) => void) | undefined
    const registry = new library.CircuitBreakerRegistry({
      origin: 'healthy',
      sync: {
        publish: () => {},
        subscribe: (apply) => {
          tell = apply
          return () => {}
        },
      },
    })
    registry.get('key').acquire().success()
    for (const record of said) {
      if (record) tell?.(record)
      else registry.get('key').acquire().success()
      assert.equal(registry.get('key').state, 'closed')
    }
    // Two that agree are believed; so is one, by whoever fails too.
    tell?.({ name: 'key', epoch: 2000, origin: 'sick', state: 'open', openRemainingMs: 1000 })
    tell?.({ name: 'key', epoch: 2001, origin: 'another', state: 'open', openRemainingMs: 1000 })
    assert.equal(registry.get('key').state, 'open')
  })
  fc.assert(property, parameters)
}
