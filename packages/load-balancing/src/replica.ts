/** How a replica stands. */
export type ReplicaState = 'ready' | 'warming' | 'ejected' | 'draining'

/** One of several places that can do the same work, with what its balancer knows of it. */
export interface Replica<Target = unknown> {
  /** Unique among its balancer's replicas; the same in every process, for `consistentHash`. */
  readonly id: string
  /** What is called: an address, a client, a pool. */
  readonly target: Target
  /** Its share of the work against the others; 1 unless said otherwise. */
  readonly weight: number
  /** Calls under way, as far as this balancer gave leases for them. */
  readonly inFlight: number
  /** A small number that no other replica of this balancer has now, for the arrays of a {@link Selector}. */
  readonly slot: number
  /** It gets no new calls. Also when it is not among its balancer's replicas any more. */
  readonly isDraining: boolean
  /** It is left out because it failed. */
  readonly isEjected: boolean
  /** {@link Replica.weight}, less while it warms up after it came or came back. */
  weightAt(nowMs: number): number
}

/** How a replica that came new or came back is given work: see {@link SlowStartOptions}. */
export interface Warming {
  readonly durationMs: number
  readonly from: number
}

/** @internal What the balancer writes and others read. */
export class BalancedReplica<Target> implements Replica<Target> {
  readonly id: string
  readonly slot: number
  target: Target
  weight: number
  inFlight = 0
  isDraining = false
  isEjected = false
  ejectedUntilMs = -Infinity
  /** From when on it has its whole weight; -Infinity: since ever. */
  warmAtMs = -Infinity
  successes = 0
  failures = 0
  readonly #warming: Warming | undefined
  #drained: PromiseWithResolvers<void> | undefined

  constructor(
    { id, target, weight }: { readonly id: string; readonly target: Target; readonly weight: number },
    slot: number,
    warming: Warming | undefined,
  ) {
    this.id = id
    this.slot = slot
    this.target = target
    this.weight = weight
    this.#warming = warming
  }

  weightAt(nowMs: number): number {
    if (nowMs >= this.warmAtMs || this.#warming === undefined) return this.weight
    const { durationMs, from } = this.#warming
    const share = 1 - (this.warmAtMs - nowMs) / durationMs
    return this.weight * Math.max(from, share)
  }

  /** Begins to warm up. Gives when it will be warm. */
  warmUp(nowMs: number): number {
    this.warmAtMs = this.#warming === undefined ? -Infinity : nowMs + this.#warming.durationMs
    return this.warmAtMs
  }

  stateAt(nowMs: number): ReplicaState {
    if (this.isDraining) return 'draining'
    if (this.isEjected && nowMs < this.ejectedUntilMs) return 'ejected'
    return nowMs < this.warmAtMs ? 'warming' : 'ready'
  }

  /** Resolves when no call is under way any more. */
  drained(): Promise<void> {
    if (this.inFlight === 0) return Promise.resolve()
    this.#drained ??= Promise.withResolvers<void>()
    return this.#drained.promise
  }

  /** A call has ended. */
  leave(): void {
    this.inFlight -= 1
    if (this.inFlight > 0) return
    this.#drained?.resolve()
    this.#drained = undefined
  }
}
