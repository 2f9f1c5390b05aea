/** How much comes in, and how much at once. */
export interface Rate {
  /** How many in a second, for ever. */
  readonly perSecond: number
  /** How many at once, after a pause. */
  readonly burst: number
}

/** Buckets of tokens that all processes share; the cache has the real ones. */
export interface SharedTokens {
  /** undefined: they are away, and nobody can tell. */
  takeTokens(
    key: string,
    request: Rate & { readonly amount: number },
  ): Promise<{ readonly granted: number; readonly retryAfterMs: number } | undefined>
}

/** What came of asking for leases since the start. */
export interface LeaseFigures {
  /** Leases that were given, whole or in part. */
  granted: number
  /** Leases of which nothing was left. */
  refused: number
  /** Times that nobody could tell, and the process went by itself. */
  away: number
}
