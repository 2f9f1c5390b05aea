/** The timers of one request, in milliseconds. `Infinity` switches one off. */
export interface RelayTimeouts {
  /** Waiting for a place (egress check and queue). Default 1 000. */
  readonly queueMs: number
  /** DNS, TCP and TLS of a new connection, together. Default 2 000. */
  readonly connectMs: number
  /** From handing the request to the connection to the complete response head. Default 30 000. */
  readonly headersMs: number
  /** Longest pause of the response body. It stands still while the reader does not read. Default 60 000. */
  readonly idleMs: number
  /** Everything, from the call to the last byte of the body. Default `Infinity`. */
  readonly totalMs: number
}

/** Some of {@link RelayTimeouts}; what is missing or undefined comes from the pool. */
export type RelayTimeoutOptions = { readonly [Key in keyof RelayTimeouts]?: RelayTimeouts[Key] | undefined }

export const DEFAULT_TIMEOUTS: RelayTimeouts = {
  queueMs: 1_000,
  connectMs: 2_000,
  headersMs: 30_000,
  idleMs: 60_000,
  totalMs: Number.POSITIVE_INFINITY,
}

/** Fills what `options` leaves out from `defaults`. */
export const resolveTimeouts = (
  options: RelayTimeoutOptions | undefined,
  defaults: RelayTimeouts,
): RelayTimeouts =>
  options === undefined
    ? defaults
    : {
        queueMs: options.queueMs ?? defaults.queueMs,
        connectMs: options.connectMs ?? defaults.connectMs,
        headersMs: options.headersMs ?? defaults.headersMs,
        idleMs: options.idleMs ?? defaults.idleMs,
        totalMs: options.totalMs ?? defaults.totalMs,
      }
