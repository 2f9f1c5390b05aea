import { check, checkPositive } from './checks.ts'
import type { ReplicaOptions } from './load-balancer-options.ts'
import { BalancedReplica, type Warming } from './replica.ts'

/** Who came and who went. */
interface Changes<Target> {
  readonly joined: readonly BalancedReplica<Target>[]
  readonly left: readonly BalancedReplica<Target>[]
}

/** The replicas of a balancer, and how many of them stand in which way, so that a pick need not look. */
export class Roster<Target> {
  readonly #warming: Warming | undefined
  readonly #byId = new Map<string, BalancedReplica<Target>>()
  readonly #freeSlots: number[] = []
  #all: readonly BalancedReplica<Target>[] = []
  #haveEqualWeights = true
  /** When the last one will be warm; -Infinity: all are. */
  #warmAtMs = -Infinity
  /** When the first of the ejected may come back. */
  #returnAtMs = Infinity
  #ejected = 0
  #draining = 0

  constructor(warming: Warming | undefined) {
    this.#warming = warming
  }

  get all(): readonly BalancedReplica<Target>[] {
    return this.#all
  }

  /** How many there are that do not drain. */
  get serving(): number {
    return this.#all.length - this.#draining
  }

  get ejected(): number {
    return this.#ejected
  }

  /** Whether all may be chosen. */
  get isOpen(): boolean {
    return this.#ejected === 0 && this.#draining === 0
  }

  /** Whether the time changes anything: someone is ejected or warms up. */
  get isTimed(): boolean {
    return this.#ejected > 0 || this.#warmAtMs > -Infinity
  }

  /** Whether all have the same weight now, as of the last {@link Roster.advance}. */
  get isEven(): boolean {
    return this.#haveEqualWeights && this.#warmAtMs === -Infinity
  }

  get(id: string): BalancedReplica<Target> | undefined {
    return this.#byId.get(id)
  }

  update(replicas: readonly ReplicaOptions<Target>[], now: () => number): Changes<Target> {
    checkReplicas(replicas)
    const named = new Set(replicas.map(({ id }) => id))
    const left = this.#all.filter(({ id }) => !named.has(id))
    for (const replica of left) this.#remove(replica)
    const isFirst = this.#all.length === left.length
    const joined: BalancedReplica<Target>[] = []
    this.#all = replicas.map(({ id, target, weight = 1 }) => {
      const known = this.#byId.get(id)
      if (known !== undefined) return Object.assign(known, { target, weight })
      const slot = this.#freeSlots.pop() ?? this.#byId.size
      const replica = new BalancedReplica({ id, target, weight }, slot, this.#warming)
      this.#byId.set(id, replica)
      if (!isFirst) this.warmUp(replica, now())
      joined.push(replica)
      return replica
    })
    this.#haveEqualWeights = this.#all.every(({ weight }) => weight === this.#all[0]?.weight)
    return { joined, left }
  }

  warmUp(replica: BalancedReplica<Target>, nowMs: number): void {
    this.#warmAtMs = Math.max(this.#warmAtMs, replica.warmUp(nowMs))
  }

  /** Time has passed: who was ejected long enough comes back. */
  advance(nowMs: number): void {
    if (nowMs >= this.#returnAtMs) this.#takeBack(nowMs)
    if (nowMs >= this.#warmAtMs) this.#beWarm()
  }

  /** @param cap - how many may be ejected at once. False: no more may, or it cannot be. */
  eject(replica: BalancedReplica<Target>, cap: number): boolean {
    if (replica.isEjected || replica.isDraining || this.#ejected >= cap) return false
    replica.isEjected = true
    this.#ejected += 1
    return true
  }

  /** When an ejected one may come back. */
  returnAt(replica: BalancedReplica<Target>, atMs: number): void {
    replica.ejectedUntilMs = atMs
    this.#returnAtMs = Math.min(this.#returnAtMs, atMs)
  }

  drain(replica: BalancedReplica<Target>): void {
    if (replica.isDraining) return
    this.#readmit(replica)
    replica.isDraining = true
    this.#draining += 1
  }

  resume(replica: BalancedReplica<Target>, nowMs: number): void {
    if (!replica.isDraining) return
    replica.isDraining = false
    this.#draining -= 1
    this.warmUp(replica, nowMs)
  }

  #remove(replica: BalancedReplica<Target>): void {
    this.drain(replica)
    this.#draining -= 1
    this.#byId.delete(replica.id)
    this.#freeSlots.push(replica.slot)
  }

  #readmit(replica: BalancedReplica<Target>): void {
    if (!replica.isEjected) return
    replica.isEjected = false
    this.#ejected -= 1
  }

  /** From now on nobody needs to know the time for it. */
  #beWarm(): void {
    this.#warmAtMs = -Infinity
    for (const replica of this.#all) replica.warmAtMs = -Infinity
  }

  #takeBack(nowMs: number): void {
    this.#returnAtMs = Infinity
    for (const replica of this.#all) {
      if (!replica.isEjected) continue
      if (nowMs < replica.ejectedUntilMs) {
        this.#returnAtMs = Math.min(this.#returnAtMs, replica.ejectedUntilMs)
      } else {
        this.#readmit(replica)
        this.warmUp(replica, nowMs)
      }
    }
  }
}

/** @throws {RangeError | TypeError} */
const checkReplicas = (replicas: readonly ReplicaOptions<unknown>[]): void => {
  const ids = new Set<string>()
  for (const { id, weight = 1 } of replicas) {
    check('id', id, typeof id === 'string' && id !== '', 'a text that is not empty')
    check('id', id, !ids.has(id), 'unique')
    ids.add(id)
    checkPositive(`weight of ${id}`, weight)
  }
}
