import { describe, expect, it } from 'vitest'

import { peakEwma, roundRobin } from '../src/index.ts'
import { open, pickId } from './support/replicas.ts'

describe('leases', () => {
  it('count calls under way, and what became of them, once', () => {
    const { balancer } = open([1])
    const [one, two, three] = [balancer.acquire(), balancer.acquire(), balancer.acquire()]
    const replica = balancer.get('a')
    expect(replica?.inFlight).toBe(3)
    one?.success()
    one?.success()
    one?.failure()
    one?.release()
    expect(balancer.stats()[0]).toMatchObject({ inFlight: 2, successes: 1, failures: 0 })
    two?.failure()
    three?.release()
    expect(balancer.stats()[0]).toMatchObject({ inFlight: 0, successes: 1, failures: 1 })
  })

  it('end with their block', () => {
    const { balancer } = open([1, 1], { strategy: roundRobin() })
    const work = (fails: boolean): void => {
      using lease = balancer.acquire()
      if (fails) throw new Error('down')
      lease?.success()
    }
    work(false)
    expect(() => work(true)).toThrow('down')
    expect(balancer.stats().map(({ inFlight }) => inFlight)).toEqual([0, 0])
    expect(balancer.stats().reduce((sum, { successes }) => sum + successes, 0)).toBe(1)
  })

  it('are none where nobody may be chosen', () => {
    const { balancer } = open([])
    expect(balancer.acquire()).toBeUndefined()
  })

  it('of a replica that is gone end as they would, and touch nobody else', () => {
    const { balancer, clock } = open([1, 1], { strategy: peakEwma() })
    const a = balancer.get('a')
    if (a === undefined) throw new Error('there is an a')
    const lease = balancer.begin(a)
    balancer.update(['b', 'c'].map((id) => ({ id, target: id })))
    // `c` has the slot that `a` had.
    expect(balancer.get('c')?.slot).toBe(a.slot)
    clock.nowMs += 100_000
    lease.failure()
    expect(a.inFlight).toBe(0)
    expect(balancer.stats().map(({ failures, id, inFlight }) => [id, inFlight, failures])).toEqual([
      ['b', 0, 0],
      ['c', 0, 0],
    ])
  })

  it('are given for replicas only', () => {
    const { balancer } = open([1])
    const forged = {
      id: 'a',
      target: 'a',
      weight: 1,
      inFlight: 0,
      slot: 0,
      isDraining: false,
      isEjected: false,
    }
    expect(() => balancer.begin({ ...forged, weightAt: () => 1 })).toThrow(TypeError)
  })
})

describe('draining', () => {
  it('ends when the last call has ended, and gives no new ones meanwhile', async () => {
    const { balancer } = open([1, 1], { strategy: roundRobin() })
    const a = balancer.get('a')
    if (a === undefined) throw new Error('there is an a')
    const leases = [balancer.begin(a), balancer.begin(a)]
    let drained = 0
    const both = [balancer.drain('a'), balancer.drain('a')].map((done) => done.then(() => (drained += 1)))
    expect(Array.from({ length: 20 }, () => pickId(balancer))).not.toContain('a')
    leases[0]?.success()
    await new Promise((resolve) => setImmediate(resolve))
    expect(drained).toBe(0)
    leases[1]?.failure()
    await Promise.all(both)
    expect(drained).toBe(2)
    expect(balancer.stats()[0]).toMatchObject({ state: 'draining', effectiveWeight: 0 })
    balancer.resume('a')
    expect(new Set(Array.from({ length: 50 }, () => pickId(balancer)))).toContain('a')
  })

  it('ends at once where there is nothing to wait for', async () => {
    const { balancer } = open([1])
    await balancer.drain('a')
    await balancer.drain('nobody')
    expect(balancer.pick()).toBeUndefined()
    balancer.resume('a')
    balancer.resume('a')
    expect(pickId(balancer)).toBe('a')
  })

  it('is what happens to one that an update takes away', async () => {
    const { balancer } = open([1, 1])
    const a = balancer.get('a')
    if (a === undefined) throw new Error('there is an a')
    const lease = balancer.begin(a)
    const done = balancer.drain('a')
    balancer.update([{ id: 'b', target: 'b' }])
    expect(a.isDraining).toBe(true)
    lease.release()
    await done
    expect(a.inFlight).toBe(0)
    // The same id may come back, as another one.
    balancer.update(['a', 'b'].map((id) => ({ id, target: id })))
    expect(balancer.get('a')).not.toBe(a)
    expect(balancer.get('a')?.isDraining).toBe(false)
  })
})
