import type { NameResolutionError } from './name-resolution-error.ts'
import type { ResolvedAddress } from './resolved-address.ts'

/** What is known of a name: its addresses, or why it has none. */
export type NameOutcome = readonly ResolvedAddress[] | NameResolutionError

interface CachedName {
  readonly outcome: NameOutcome
  readonly expiresAtMs: number
}

/** Outcomes of names for as long as they are good. The name entered first makes room. */
export class NameCache {
  readonly #maxNames: number
  readonly #now: () => number
  readonly #names = new Map<string, CachedName>()

  /** @param now milliseconds that only go forward. */
  constructor(maxNames: number, now: () => number) {
    this.#maxNames = maxNames
    this.#now = now
  }

  get(name: string): NameOutcome | undefined {
    const cached = this.#names.get(name)
    if (cached === undefined) return undefined
    if (cached.expiresAtMs > this.#now()) return cached.outcome
    this.#names.delete(name)
    return undefined
  }

  set(name: string, outcome: NameOutcome, timeToLiveMs: number): void {
    if (timeToLiveMs <= 0 || this.#maxNames === 0) return
    this.#names.delete(name)
    if (this.#names.size >= this.#maxNames) {
      const [oldest] = this.#names.keys()
      if (oldest !== undefined) this.#names.delete(oldest)
    }
    this.#names.set(name, { outcome, expiresAtMs: this.#now() + timeToLiveMs })
  }
}
