/// <reference lib="esnext.disposable" preserve="true" />
import type { Outcome } from './outcome.ts'

/**
 * Leave to make one call. Settle it once, with what became of the call; the first settlement counts and every later one
 * does nothing. A permit that is never settled holds nothing while the circuit is closed, and as a probe is taken back
 * after `halfOpen.probeTimeoutMs`. A settlement that arrives after the circuit has moved on is counted as stale and moves
 * nothing.
 */
export interface Permit extends Disposable {
  /** Whether this call is a probe of a half-open circuit. */
  readonly probe: boolean
  /** The call worked. `now`: the time of the breaker's clock, when the caller has read it already. */
  success(now?: number): void
  /** The call failed; `error` is only told to listeners of the transition that it may cause. */
  failure(error?: unknown, now?: number): void
  /**
   * Lets `classify` decide. `error` undefined or null means that the call returned `result`. Gives the outcome; `ignored`
   * when it was settled before.
   */
  settle(error: unknown, result?: unknown, now?: number): Outcome
  /** No verdict: the call was not made, or says nothing about the upstream. */
  release(): void
}

/** The generation of a permit whose outcome is counted and moves nothing: no transition ever makes a negative one. */
export const UNTRACKED = -1

/** Whoever gave the permit. */
export interface PermitOwner {
  settle(permit: CircuitPermit, outcome: Outcome, now?: number, error?: unknown): void
  judge(permit: CircuitPermit, error: unknown, result: unknown, now?: number): Outcome
}

/** @internal */
export class CircuitPermit implements Permit {
  readonly probe: boolean
  /** Which era of the circuit it belongs to. */
  readonly generation: number
  /** When it was given; 0 when nothing asks for it. */
  startedAt: number
  #owner: PermitOwner | undefined

  constructor(owner: PermitOwner, generation: number, startedAt: number, probe: boolean) {
    this.probe = probe
    this.generation = generation
    this.startedAt = startedAt
    this.#owner = owner
  }

  success(now?: number): void {
    this.#take()?.settle(this, 'success', now)
  }

  failure(error?: unknown, now?: number): void {
    this.#take()?.settle(this, 'failure', now, error)
  }

  settle(error: unknown, result?: unknown, now?: number): Outcome {
    return this.#take()?.judge(this, error, result, now) ?? 'ignored'
  }

  release(): void {
    this.#take()?.settle(this, 'ignored')
  }

  [Symbol.dispose](): void {
    this.release()
  }

  #take(): PermitOwner | undefined {
    const owner = this.#owner
    this.#owner = undefined
    return owner
  }
}
