import { checkFunction } from './checks.ts'
import type { Choice } from './choice.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Lease, type LeaseOwner, type Outcome, ReplicaLease } from './lease.ts'
import type { Ejection, LoadBalancerOptions, ReplicaOptions, ReplicaStats } from './load-balancer-options.ts'
import { OutlierJudge } from './outlier/outlier-judge.ts'
import { checkOutliers } from './outlier/outlier-options.ts'
import { BalancedReplica, type Replica } from './replica.ts'
import { Roster } from './roster.ts'
import { checkSlowStart } from './slow-start.ts'
import { peakEwma } from './strategy/peak-ewma.ts'
import type { Selector } from './strategy/strategy.ts'

const NO_CHOICE = {}

/**
 * Chooses among the replicas of one thing, and keeps what it needs to know of them: calls under way, latencies, who warms
 * up, who is ejected, who drains. It has no timers: time passes in the next call that asks.
 */
export class LoadBalancer<Target> {
  readonly #roster: Roster<Target>
  readonly #selector: Selector
  readonly #judge: OutlierJudge | undefined
  readonly #clock: Clock
  readonly #onEjected: ((ejection: Ejection) => void) | undefined
  readonly #situation: { key: string | undefined; nowMs: number; isEven: boolean; isPreview: boolean }
  readonly #leaseOwner: LeaseOwner<Target> = {
    end: (replica, startedMs, outcome, nowMs) => this.#end(replica, startedMs, outcome, nowMs),
  }
  /** Used again by each pick that has to leave someone out. */
  readonly #scratch: Replica<Target>[] = []
  #isSelecting = false

  /** @throws {RangeError | TypeError} when an option cannot be. */
  constructor(options: LoadBalancerOptions = {}) {
    const { strategy = peakEwma(), slowStart, outliers, onEjected, clock = systemClock } = options
    const { random = Math.random } = options
    this.#selector = strategy.create(checkFunction('random', random))
    this.#judge = outliers && new OutlierJudge(checkOutliers(outliers))
    this.#roster = new Roster(slowStart && checkSlowStart(slowStart))
    this.#clock = clock
    this.#onEjected = onEjected
    this.#situation = { key: undefined, nowMs: -Infinity, isEven: true, isPreview: false }
  }

  /** All of them, also those that are ejected or drain. A new array after each {@link LoadBalancer.update}. */
  get replicas(): readonly Replica<Target>[] {
    return this.#roster.all
  }

  /** The replica of this id, if there is one. */
  get(id: string): Replica<Target> | undefined {
    return this.#roster.get(id)
  }

  /**
   * Says which replicas there are. What is known of those that stay is kept; their target and weight may change. Those that
   * are not named any more are never chosen again; their calls under way end as they would.
   *
   * @throws {RangeError | TypeError} when an id comes twice or a weight cannot be; then nothing has changed.
   */
  update(replicas: readonly ReplicaOptions<Target>[]): void {
    const { left, joined } = this.#roster.update(replicas, () => this.#clock.now())
    for (const { slot } of left) this.#judge?.left(slot)
    for (const replica of joined) {
      this.#judge?.joined(replica.slot)
      this.#selector.joined?.(replica)
    }
  }

  /**
   * Chooses one of `candidates` (default: all replicas); undefined when none may be. Those that drain are not chosen, and
   * those that are ejected only where nobody else is left. Allocates nothing of its own.
   *
   * @param candidates - replicas of this balancer.
   */
  pick(
    candidates: readonly Replica<Target>[] = this.#roster.all,
    choice: Choice<Target> = NO_CHOICE,
  ): Replica<Target> | undefined {
    const roster = this.#roster
    const { eligible, exclude } = choice
    let nowMs = -Infinity
    if (roster.isTimed || this.#selector.readsClock === true) {
      nowMs = choice.nowMs ?? this.#clock.now()
      roster.advance(nowMs)
    }
    if (candidates === roster.all && roster.isOpen && exclude === undefined && eligible === undefined) {
      return this.#select(candidates, choice, nowMs)
    }
    return this.#selectAmong(candidates, choice, nowMs)
  }

  /**
   * A call to `replica` begins. End the lease once, whatever becomes of the call.
   *
   * @param nowMs - the time of the balancer's clock, when the caller has read it already.
   */
  begin(replica: Replica<Target>, nowMs?: number): Lease<Target> {
    const own = ownOf(replica)
    own.inFlight += 1
    const startedMs = this.#selector.ended === undefined ? 0 : (nowMs ?? this.#clock.now())
    return new ReplicaLease(this.#leaseOwner, own, startedMs)
  }

  /** {@link LoadBalancer.pick} and {@link LoadBalancer.begin} in one. */
  acquire(candidates?: readonly Replica<Target>[], choice?: Choice<Target>): Lease<Target> | undefined {
    const replica = this.pick(candidates, choice)
    return replica && this.begin(replica, choice?.nowMs)
  }

  /**
   * Gives no new calls to a replica, until {@link LoadBalancer.resume}. Resolves when no call is under way there any more;
   * at once when there is no such replica.
   */
  async drain(id: string): Promise<void> {
    const replica = this.#roster.get(id)
    if (replica === undefined) return
    this.#roster.drain(replica)
    await replica.drained()
  }

  /** Gives calls to a replica that was drained; it warms up first. */
  resume(id: string): void {
    const replica = this.#roster.get(id)
    if (replica !== undefined) this.#roster.resume(replica, this.#clock.now())
  }

  /** Lets a replica begin small: its owner knows that it was away, as when its circuit breaker closes again. */
  warmUp(id: string): void {
    const replica = this.#roster.get(id)
    if (replica !== undefined) this.#roster.warmUp(replica, this.#clock.now())
  }

  /** All replicas as of now, as plain data. Reading it changes nothing. */
  stats(): ReplicaStats[] {
    const nowMs = this.#clock.now()
    return this.#roster.all.map((replica) => {
      const { failures, id, inFlight, successes, weight } = replica
      const state = replica.stateAt(nowMs)
      const isUsed = state === 'ready' || state === 'warming'
      const effectiveWeight = isUsed ? replica.weightAt(nowMs) : 0
      return { id, state, weight, effectiveWeight, inFlight, successes, failures }
    })
  }

  /** Leaves out whom the strategy must not see. */
  #selectAmong(
    candidates: readonly Replica<Target>[],
    choice: Choice<Target>,
    nowMs: number,
  ): Replica<Target> | undefined {
    const isNested = this.#isSelecting
    // Whoever picks within `eligible` gets an array of its own.
    const usable = isNested ? [] : this.#scratch
    this.#isSelecting = true
    try {
      let count = 0
      for (const candidate of candidates) {
        if (!candidate.isEjected && mayUse(candidate, choice)) usable[count++] = candidate
      }
      if (count === 0 && this.#roster.ejected > 0) {
        for (const candidate of candidates) if (mayUse(candidate, choice)) usable[count++] = candidate
      }
      // Only now, and only if need be: an array that is emptied first would be made anew.
      if (usable.length !== count) usable.length = count
      return this.#select(usable, choice, nowMs)
    } finally {
      this.#isSelecting = isNested
    }
  }

  #select(
    candidates: readonly Replica<Target>[],
    { key, isPreview = false }: Choice<Target>,
    nowMs: number,
  ): Replica<Target> | undefined {
    if (candidates.length <= 1) return candidates[0]
    const situation = this.#situation
    situation.key = key
    situation.nowMs = nowMs
    situation.isEven = this.#roster.isEven
    situation.isPreview = isPreview
    return this.#selector.select(candidates, situation)
  }

  #end(replica: BalancedReplica<Target>, startedMs: number, outcome: Outcome, now: number | undefined): void {
    replica.leave()
    if (outcome === 'success') replica.successes += 1
    else if (outcome === 'failure') replica.failures += 1
    // Its slot may be another's by now.
    if (this.#roster.get(replica.id) !== replica) return
    if (this.#selector.ended === undefined && this.#judge === undefined) return
    const nowMs = now ?? this.#clock.now()
    this.#selector.ended?.(replica, nowMs - startedMs, outcome, nowMs)
    if (outcome !== 'ignored') this.#judgeCall(replica, outcome === 'failure', nowMs)
  }

  #judgeCall(replica: BalancedReplica<Target>, isFailure: boolean, nowMs: number): void {
    const judge = this.#judge
    // What began before an ejection may go on failing during it.
    if (replica.isEjected) return
    const reason = judge?.count(replica.slot, isFailure, nowMs)
    if (judge === undefined || reason === undefined) return
    this.#roster.advance(nowMs)
    if (!this.#roster.eject(replica, judge.capOf(this.#roster.serving))) return
    const durationMs = judge.eject(replica.slot, nowMs)
    this.#roster.returnAt(replica, nowMs + durationMs)
    this.#onEjected?.({ id: replica.id, reason, durationMs })
  }
}

const mayUse = <Target>(candidate: Replica<Target>, { eligible, exclude }: Choice<Target>): boolean =>
  !candidate.isDraining &&
  (exclude === undefined || !exclude.includes(candidate)) &&
  (eligible === undefined || eligible(candidate))

const ownOf = <Target>(replica: Replica<Target>): BalancedReplica<Target> => {
  if (replica instanceof BalancedReplica) return replica
  throw new TypeError('this is no replica of a load balancer')
}
