/** What a pool holds at one moment. */
export interface HttpPoolStats {
  /** Open connections: connecting, in use and idle. */
  readonly open: number
  /** Open connections that wait for reuse. */
  readonly idle: number
  /** Requests that hold a place: connecting, waiting for the head, or with an unfinished body. */
  readonly active: number
  /** Requests that wait for a place. */
  readonly queued: number
  /** The same by origin (`scheme://host[:port]`); an origin without any of it is absent. */
  readonly origins: ReadonlyMap<string, OriginStats>
}

export interface OriginStats {
  readonly open: number
  readonly idle: number
  readonly active: number
  readonly queued: number
}
