import { performance } from 'node:perf_hooks'

import { LeasedBucket } from './leased-bucket.ts'
import type { LeaseFigures, Rate, SharedTokens } from './shared-tokens.ts'

export interface RateLimiterOptions {
  /** Whose requests it counts; names its buckets among the shared ones. */
  readonly name: string
  readonly rate: Rate
  /** undefined: each process counts by itself. */
  readonly shared?: SharedTokens | undefined
  readonly figures?: LeaseFigures | undefined
  /** A clock that never goes back, in milliseconds. Default `performance.now`. */
  readonly now?: (() => number) | undefined
}

/** So many subjects are counted at once; the one that asked least recently is forgotten, and starts anew. */
const MAX_SUBJECTS = 10_000

/** Limits how often each of many subjects may do something. Asks nobody while a request waits. */
export class RateLimiter {
  readonly #options: RateLimiterOptions
  readonly #now: () => number
  readonly #figures: LeaseFigures
  readonly #buckets = new Map<string, LeasedBucket>()

  constructor(options: RateLimiterOptions) {
    this.#options = options
    this.#now = options.now ?? performance.now.bind(performance)
    this.#figures = options.figures ?? { granted: 0, refused: 0, away: 0 }
  }

  get rate(): Rate {
    return this.#options.rate
  }

  /** Counts one. Gives 0, or after how many milliseconds the subject may come back. */
  take(subject: string): number {
    return this.#bucketOf(subject).take()
  }

  #bucketOf(subject: string): LeasedBucket {
    let bucket = this.#buckets.get(subject)
    // Put at the end again, so that the first is the one that asked least recently.
    if (bucket !== undefined) this.#buckets.delete(subject)
    else {
      const { name, rate, shared } = this.#options
      const key = `rate:${name}:${subject}`.slice(0, 500)
      bucket = new LeasedBucket({ rate, shared, key, figures: this.#figures, now: this.#now })
      const [oldest] = this.#buckets.keys()
      if (this.#buckets.size >= MAX_SUBJECTS && oldest !== undefined) this.#buckets.delete(oldest)
    }
    this.#buckets.set(subject, bucket)
    return bucket
  }
}
