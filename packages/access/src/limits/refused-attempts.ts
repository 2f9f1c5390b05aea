import { RateLimitedError } from '@mreg/core'

import { RateLimiter } from './rate-limiter.ts'

const MINUTE_MS = 60_000

export interface RefusedAttemptsOptions {
  /** How many keys and tokens that are not good one subject may show in a minute; 0: as many as it likes. */
  readonly perMinute: number
  /** A clock that never goes back, in milliseconds. Default `performance.now`. */
  readonly now?: (() => number) | undefined
}

/**
 * Counts keys and tokens that were not good, by who sent them and by which key they pretend to be. What is good is let in whatever
 * was counted, so that nobody can lock others out who share an address; keys are too long to be guessed at any speed.
 */
export class RefusedAttempts {
  readonly #perMinute: number
  readonly #limiter: RateLimiter | undefined

  constructor({ now, perMinute }: RefusedAttemptsOptions) {
    this.#perMinute = perMinute
    const rate = { perSecond: perMinute / 60, burst: perMinute }
    this.#limiter = perMinute === 0 ? undefined : new RateLimiter({ name: 'refused', rate, now })
  }

  /**
   * Counts one.
   *
   * @param address where it came from.
   * @param authorization the value of the `Authorization` header.
   * @throws {RateLimitedError} `too_many_attempts`.
   */
  count(address: string, authorization: string): void {
    const limiter = this.#limiter
    if (limiter === undefined) return
    const [, lookupId] = /^Bearer +mreg_([\da-f]{24})_/iu.exec(authorization) ?? []
    const subjects = [`from ${address}`, ...(lookupId === undefined ? [] : [`key ${lookupId.toLowerCase()}`])]
    const retryAfterMs = Math.max(...subjects.map((subject) => limiter.take(subject)))
    if (retryAfterMs === 0) return
    throw new RateLimitedError(
      'too_many_attempts',
      'too many keys or tokens that are not good came from there, or for that key; come back later, with one that is',
      { retryAfterMs, policy: 'refused', quota: this.#perMinute, windowMs: MINUTE_MS },
    )
  }
}
