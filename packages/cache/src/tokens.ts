/** A bucket of tokens that fills by itself, and how many are wanted of it. */
export interface TokenRequest {
  /** How many are wanted at most; a whole number from 1 on. */
  readonly amount: number
  /** How many come in each second; more than 0. */
  readonly perSecond: number
  /** How many it holds when it is full, as it is at first; a whole number from 1 on. */
  readonly burst: number
}

/** What a bucket gave. */
export interface TokenGrant {
  /** From 0 to `amount`. */
  readonly granted: number
  /** Until it has a whole token again, in milliseconds; 0: it has one. */
  readonly retryAfterMs: number
}

/** @throws {RangeError} a number makes no sense. */
export const checkTokenRequest = ({ amount, burst, perSecond }: TokenRequest): void => {
  for (const [name, value] of Object.entries({ amount, burst }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw new RangeError(`${name} must be a whole number from 1 on, not ${value}`)
  if (!Number.isFinite(perSecond) || perSecond <= 0)
    throw new RangeError(`perSecond must be more than 0, not ${perSecond}`)
}
