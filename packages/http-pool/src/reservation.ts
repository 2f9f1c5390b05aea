/** A place in a pool for one request that somebody sends over its agents. */
export interface Reservation {
  /** Fires when the pool is destroyed: end the request then. */
  readonly signal: AbortSignal
  /** Gives the place back; call it when the response is over. Idempotent. */
  release(): void
}

export interface ReservationOptions {
  readonly signal?: AbortSignal | undefined
  /** Longest wait for a place, in milliseconds. Default: the pool's. */
  readonly queueMs?: number | undefined
}
