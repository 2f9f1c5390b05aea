import assert from 'node:assert/strict'

import { type Lease, LoadBalancer, type Replica } from '../../src/index.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { seededRandom } from '../support/seeded-random.ts'
import type { Scenario, Step } from './scenario.ts'

const IDS = ['a', 'b', 'c', 'd', 'e']
const idsIn = (bits: number): Set<string> => new Set(IDS.filter((_, index) => (bits >> index) % 2 === 1))

/** Plays a scenario beside a simple account of who may be chosen and how many calls are under way, and compares. */
export class Player {
  readonly clock = new ManualClock()
  readonly balancer: LoadBalancer<string>
  /** Leases that have not ended, with their replicas. */
  readonly #open: Lease<string>[] = []
  readonly #draining = new Set<string>()
  readonly #maxEjectedShare: number
  picks = 0

  constructor({ strategy, seed, maxEjectedShare }: Scenario) {
    this.#maxEjectedShare = maxEjectedShare
    this.balancer = new LoadBalancer<string>({
      strategy: strategy(),
      clock: this.clock,
      random: seededRandom(seed),
      slowStart: { durationMs: 1000 },
      outliers: { consecutiveFailures: 2, minCalls: 3, windowMs: 1000, ejectMs: 1000, maxEjectedShare },
    })
  }

  play(step: Step): void {
    switch (step.kind) {
      case 'update':
        this.#update(step.ids, step.weights)
        break
      case 'call':
        this.#call(step)
        break
      case 'end': {
        const [lease] = this.#open.splice(step.lease % Math.max(this.#open.length, 1), 1)
        lease?.[step.how]()
        lease?.failure()
        break
      }
      case 'drain':
        void this.balancer.drain(step.id)
        if (this.balancer.get(step.id)) this.#draining.add(step.id)
        break
      case 'resume':
      case 'warmUp':
        this.balancer[step.kind](step.id)
        if (step.kind === 'resume') this.#draining.delete(step.id)
        break
      case 'wait':
        this.clock.nowMs += step.ms
    }
    this.#compare()
  }

  endAll(): void {
    for (const lease of this.#open) lease.release()
  }

  #update(ids: readonly string[], weights: readonly number[]): void {
    this.balancer.update(ids.map((id, index) => ({ id, target: id, weight: weights[index] })))
    for (const id of this.#draining) if (!ids.includes(id)) this.#draining.delete(id)
  }

  #call({ key, exclude, eligible }: Extract<Step, { kind: 'call' }>): void {
    const { replicas } = this.balancer
    const excluded = replicas.filter(({ id }) => idsIn(exclude).has(id))
    const eligibleIds = idsIn(eligible)
    const before = new Map(replicas.map((replica) => [replica, replica.isEjected]))
    const lease = this.balancer.acquire(undefined, {
      key,
      exclude: excluded,
      eligible: ({ id }) => eligibleIds.has(id),
    })
    const allowed = replicas.filter(
      (replica) =>
        !excluded.includes(replica) && eligibleIds.has(replica.id) && !this.#draining.has(replica.id),
    )
    this.picks += 1
    if (lease === undefined) {
      assert.deepEqual(allowed, [])
      return
    }
    this.#open.push(lease)
    assert.ok(allowed.includes(lease.replica))
    // One that is ejected still is only where all that were allowed are.
    if (lease.replica.isEjected) assert.ok(allowed.every((replica) => before.get(replica)))
  }

  #compare(): void {
    const stats = this.balancer.stats()
    const calls = (of: Replica<string>): number => this.#open.filter(({ replica }) => replica === of).length
    for (const [index, replica] of this.balancer.replicas.entries()) {
      assert.equal(replica.inFlight, calls(replica))
      assert.equal(replica.isDraining, this.#draining.has(replica.id))
      const { effectiveWeight, state, weight } = stats[index] ?? { effectiveWeight: -1, state: '', weight: 0 }
      const isUsed = state === 'ready' || state === 'warming'
      assert.ok(effectiveWeight >= (isUsed ? weight * 0.1 * (1 - 1e-9) : 0))
      assert.ok(effectiveWeight <= (isUsed ? weight : 0))
      if (state === 'ready') assert.equal(effectiveWeight, weight)
    }
    assert.equal(new Set(this.balancer.replicas.map(({ slot }) => slot)).size, stats.length)
  }

  /** How many are ejected against how many may be, right after an ejection. */
  expectCap(): void {
    const ejected = this.balancer.replicas.filter(({ isEjected }) => isEjected).length
    assert.ok(ejected <= Math.floor(5 * this.#maxEjectedShare))
  }
}
