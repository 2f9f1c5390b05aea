/// <reference lib="esnext.disposable" preserve="true" />
import type { BalancedReplica, Replica } from './replica.ts'

/** What became of a call. `ignored`: it says nothing about the replica. */
export type Outcome = 'success' | 'failure' | 'ignored'

/**
 * One call under way at a replica. End it once, with what became of it; later ends do nothing. One that is never ended
 * counts as a call under way for ever.
 */
export interface Lease<Target> extends Disposable {
  readonly replica: Replica<Target>
  /** It worked. `nowMs`: the time of the balancer's clock, when the caller has read it already. */
  success(nowMs?: number): void
  /** It failed, and the replica is to blame. */
  failure(nowMs?: number): void
  /** It ended, and says nothing about the replica: the caller gave up, or asked for nonsense. */
  release(nowMs?: number): void
}

/** Whoever gave the lease. */
export interface LeaseOwner<Target> {
  end(replica: BalancedReplica<Target>, startedMs: number, outcome: Outcome, nowMs: number | undefined): void
}

/** @internal */
export class ReplicaLease<Target> implements Lease<Target> {
  readonly replica: BalancedReplica<Target>
  readonly #startedMs: number
  #owner: LeaseOwner<Target> | undefined

  constructor(owner: LeaseOwner<Target>, replica: BalancedReplica<Target>, startedMs: number) {
    this.replica = replica
    this.#owner = owner
    this.#startedMs = startedMs
  }

  success(nowMs?: number): void {
    this.#end('success', nowMs)
  }

  failure(nowMs?: number): void {
    this.#end('failure', nowMs)
  }

  release(nowMs?: number): void {
    this.#end('ignored', nowMs)
  }

  [Symbol.dispose](): void {
    this.release()
  }

  #end(outcome: Outcome, nowMs: number | undefined): void {
    const owner = this.#owner
    this.#owner = undefined
    owner?.end(this.replica, this.#startedMs, outcome, nowMs)
  }
}
