import type { CircuitPhase } from './circuit-state.ts'
import type { RejectReason } from './errors.ts'
import type { Outcome } from './outcome.ts'
import type { CircuitEdge, CircuitStats, FailureSummary } from './stats.ts'

/** What only a breaker that has been in trouble counts: made at the first need. */
class RareCounts {
  stale = 0
  readonly rejected = { open: 0, probing: 0, isolated: 0 }
  readonly transitions: Partial<Record<CircuitEdge, number>> = {}
  lastFailure: FailureSummary | undefined
}

const NONE = new RareCounts()

/** Counts what happens to one breaker. Counters only grow; nothing here decides anything. */
export class Ledger {
  #acquired = 0
  #successes = 0
  #failures = 0
  #ignored = 0
  #rare: RareCounts | undefined

  admit(): void {
    this.#acquired++
  }

  settle(outcome: Outcome): void {
    if (outcome === 'success') this.#successes++
    else if (outcome === 'failure') this.#failures++
    else this.#ignored++
  }

  settleLate(): void {
    this.#rarely.stale++
  }

  refuse(reason: RejectReason): void {
    this.#rarely.rejected[reason]++
  }

  move(from: CircuitPhase, to: CircuitPhase, cause: unknown): void {
    const { transitions } = this.#rarely
    transitions[`${from}->${to}`] = (transitions[`${from}->${to}`] ?? 0) + 1
    // The words of the error and not the error: it may hold on to a whole response.
    if (to === 'open' && cause instanceof Error) {
      this.#rarely.lastFailure = { name: cause.name, message: cause.message }
    }
  }

  read(): Omit<CircuitStats, 'state' | 'mode' | 'openings' | 'window'> {
    const { stale, rejected, transitions, lastFailure } = this.#rare ?? NONE
    return {
      acquired: this.#acquired,
      outstanding: this.#acquired - this.#successes - this.#failures - this.#ignored - stale,
      successes: this.#successes,
      failures: this.#failures,
      ignored: this.#ignored,
      stale,
      rejected: { ...rejected },
      transitions: { ...transitions },
      lastFailure,
    }
  }

  get #rarely(): RareCounts {
    return (this.#rare ??= new RareCounts())
  }
}
