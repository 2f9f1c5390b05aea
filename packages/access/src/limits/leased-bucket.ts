import type { LeaseFigures, Rate, SharedTokens } from './shared-tokens.ts'

export interface LeasedBucketOptions {
  readonly rate: Rate
  /** undefined: the bucket is this process's alone. */
  readonly shared: SharedTokens | undefined
  /** Names it among the shared ones. */
  readonly key: string
  readonly figures: LeaseFigures
  readonly now: () => number
}

/** Until the shared buckets are asked again after they were away, or were empty for long, in milliseconds. */
const RETRY_MS = 1000

/** Of a quota that is small, whatever is left of it is taken at once. */
const SMALL_BURST = 20

/** How many tokens a process takes ahead: a tenth of what there is at once. */
export const leaseOf = ({ burst }: Rate): number =>
  Math.max(Math.min(burst, SMALL_BURST), Math.ceil(burst / 10))

/**
 * A quota of which this process spends leases, taken ahead and behind the requests: to take a token waits for nobody. Its first
 * lease is spent on credit, so all processes together let through what the quota gives and one lease each at most. While the
 * shared bucket is away, the process goes by itself, at the whole rate.
 */
export class LeasedBucket {
  readonly #options: LeasedBucketOptions
  readonly #lease: number
  /** What is left of the lease; of the whole quota while the bucket is this process's alone. */
  #tokens: number
  #filledAt: number
  #isAlone: boolean
  #isAsking = false
  #askAt = 0

  constructor(options: LeasedBucketOptions) {
    const { now, rate, shared } = options
    this.#options = options
    this.#lease = leaseOf(rate)
    this.#isAlone = shared === undefined
    this.#tokens = this.#isAlone ? rate.burst : this.#lease
    this.#filledAt = now()
  }

  /** Takes a token. Gives 0, or after how many milliseconds it makes sense to come back. */
  take(): number {
    const { now, rate } = this.#options
    const at = now()
    if (this.#isAlone) this.#fill(at)
    const isTaken = this.#tokens >= 1
    if (isTaken) this.#tokens -= 1
    if (this.#options.shared !== undefined && (this.#isAlone || this.#tokens < this.#lease / 2)) this.#ask(at)
    if (isTaken) return 0
    const untilToken = ((1 - this.#tokens) * 1000) / rate.perSecond
    return Math.max(1, Math.ceil(this.#isAlone ? untilToken : Math.max(this.#askAt - at, untilToken)))
  }

  #fill(at: number): void {
    const { burst, perSecond } = this.#options.rate
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, at - this.#filledAt) * perSecond) / 1000)
    this.#filledAt = at
  }

  /** Has the lease filled up behind the request, unless that is under way or makes no sense yet. */
  #ask(at: number): void {
    if (this.#isAsking || at < this.#askAt) return
    this.#isAsking = true
    void this.#fetch().finally(() => {
      this.#isAsking = false
    })
  }

  async #fetch(): Promise<void> {
    const { figures, key, now, rate, shared } = this.#options
    const amount = Math.max(1, Math.floor(this.#lease - Math.min(this.#tokens, this.#lease)))
    const grant = await shared?.takeTokens(key, { ...rate, amount }).catch(() => undefined)
    const at = now()
    if (grant === undefined) {
      figures.away += 1
      // From here on it fills by itself, from what is left of the lease.
      if (!this.#isAlone) this.#filledAt = at
      this.#isAlone = true
      this.#askAt = at + RETRY_MS
      return
    }
    figures[grant.granted > 0 ? 'granted' : 'refused'] += 1
    this.#isAlone = false
    this.#tokens = Math.min(this.#lease, this.#tokens + grant.granted)
    if (grant.granted === amount) return
    // The quota is used up: half a lease comes in before the next question is worth its while.
    const halfALeaseMs = (this.#lease * 500) / rate.perSecond
    this.#askAt = at + Math.max(grant.retryAfterMs, Math.min(RETRY_MS, halfALeaseMs))
  }
}
