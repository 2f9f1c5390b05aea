import { checkNumber, checkPositive } from '../checks.ts'
import type { Outcome } from '../lease.ts'
import type { Replica } from '../replica.ts'
import type { Selector, Situation, Strategy } from './strategy.ts'

/** Options of {@link peakEwma}. */
export interface PeakEwmaOptions {
  /** In so many milliseconds what was seen loses all but a share of 1/e of its say. Default 10 000. */
  readonly decayMs?: number | undefined
  /** A failed call counts as having taken at least so long, in milliseconds: who fails fast must not look fast. Default 1 000. */
  readonly failureMs?: number | undefined
}

/** What a replica that nobody has heard of yet costs for each call that it has already: more than any that is known. */
const UNKNOWN_COST = 1e9

/**
 * Of two chosen by chance the one that is expected to answer first: latency times the calls under way, for its weight. A
 * slower answer counts at once (the peak), a faster one little by little; and what is long ago fades, so that a replica
 * which was slow is tried again. Good where replicas differ or stall, and the default.
 */
export const peakEwma = ({ decayMs = 10_000, failureMs = 1000 }: PeakEwmaOptions = {}): Strategy => {
  checkPositive('peakEwma.decayMs', decayMs)
  checkNumber('peakEwma.failureMs', failureMs, 0)
  return { name: 'peak-ewma', create: (random) => new PeakEwma(random, decayMs, failureMs) }
}

class PeakEwma implements Selector {
  readonly readsClock = true
  readonly #random: () => number
  readonly #decayMs: number
  readonly #failureMs: number
  /** By slot: the latency, in milliseconds, and when it was that. 0: nobody knows. */
  readonly #latencyMs: number[] = []
  readonly #atMs: number[] = []

  constructor(random: () => number, decayMs: number, failureMs: number) {
    this.#random = random
    this.#decayMs = decayMs
    this.#failureMs = failureMs
  }

  joined({ slot }: Replica): void {
    this.#latencyMs[slot] = 0
    this.#atMs[slot] = 0
  }

  select<Target>(candidates: readonly Replica<Target>[], situation: Situation): Replica<Target> {
    const count = candidates.length
    // One draw for both: a first one, and how far on the second one is.
    const pair = Math.floor(this.#random() * count * (count - 1))
    const first = pair % count
    const step = 1 + (pair - first) / count
    const one = candidates[first]
    const other = candidates[(first + step) % count]
    if (one === undefined || other === undefined) throw new RangeError('there is nobody to choose')
    return this.#cost(other, situation) < this.#cost(one, situation) ? other : one
  }

  ended({ slot }: Replica, latencyMs: number, outcome: Outcome, nowMs: number): void {
    const seen = Math.max(outcome === 'failure' ? Math.max(latencyMs, this.#failureMs) : latencyMs, 1e-3)
    const known = this.#fadedLatency(slot, nowMs)
    // A call that was given up says only that it would have taken longer.
    if (seen >= known) this.#remember(slot, seen, nowMs)
    else if (outcome !== 'ignored') {
      const kept = this.#kept(slot, nowMs)
      this.#remember(slot, (this.#latencyMs[slot] ?? 0) * kept + seen * (1 - kept), nowMs)
    }
  }

  #remember(slot: number, latencyMs: number, nowMs: number): void {
    this.#latencyMs[slot] = latencyMs
    this.#atMs[slot] = nowMs
  }

  #cost(replica: Replica, { isEven, nowMs }: Situation): number {
    const { inFlight, slot } = replica
    const latencyMs = this.#latencyMs[slot] ?? 0
    const ageMs = nowMs - (this.#atMs[slot] ?? 0)
    const faded = ageMs > 0 ? latencyMs * Math.exp(-ageMs / this.#decayMs) : latencyMs
    const cost = faded === 0 && inFlight > 0 ? UNKNOWN_COST + inFlight : faded * (inFlight + 1)
    return isEven ? cost : cost / replica.weightAt(nowMs)
  }

  #fadedLatency(slot: number, nowMs: number): number {
    const latencyMs = this.#latencyMs[slot] ?? 0
    return latencyMs === 0 ? 0 : latencyMs * this.#kept(slot, nowMs)
  }

  /** The share of what was seen that still counts. */
  #kept(slot: number, nowMs: number): number {
    return Math.exp(-Math.max(nowMs - (this.#atMs[slot] ?? 0), 0) / this.#decayMs)
  }
}
