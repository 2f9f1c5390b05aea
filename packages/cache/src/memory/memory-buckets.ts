import { LRUCache } from 'lru-cache'

import type { TokenGrant, TokenRequest } from '../tokens.ts'

interface Bucket {
  tokens: number
  /** When it was filled last. */
  at: number
}

/** Buckets of tokens in this process; the ones used least recently are full again when they are asked for. */
export class MemoryBuckets {
  readonly #buckets: LRUCache<string, Bucket>
  readonly #now: () => number

  constructor({ maxEntries, now }: { readonly maxEntries: number; readonly now: () => number }) {
    this.#buckets = new LRUCache({ max: maxEntries })
    this.#now = now
  }

  take(key: string, { amount, burst, perSecond }: TokenRequest): TokenGrant {
    const now = this.#now()
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now }
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) * perSecond) / 1000)
    bucket.at = now
    const granted = Math.min(amount, Math.floor(bucket.tokens))
    bucket.tokens -= granted
    this.#buckets.set(key, bucket)
    return { granted, retryAfterMs: Math.ceil((Math.max(0, 1 - bucket.tokens) * 1000) / perSecond) }
  }

  clear(): void {
    this.#buckets.clear()
  }
}
