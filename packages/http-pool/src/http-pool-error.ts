/**
 * Why a request failed.
 *
 * | reason | what happened |
 * |---|---|
 * | `invalid_url` | not an http(s) URL, or one that carries credentials |
 * | `invalid_request` | a method, header name or header value that HTTP does not allow |
 * | `egress_denied` | the pool's egress policy refused the target |
 * | `queue_full` | too many requests wait for a connection to this origin |
 * | `queue_timeout` | no connection became free within `queueMs` |
 * | `dns` | the host name could not be resolved |
 * | `unreachable` | the TCP connection was refused or could not be routed |
 * | `connect_timeout` | DNS, TCP and TLS together took longer than `connectMs` |
 * | `tls` | the TLS handshake failed or the certificate was not accepted |
 * | `proxy` | the proxy cannot be reached, or refused to connect |
 * | `reset` | the connection ended before the response head was complete |
 * | `headers_timeout` | no response head within `headersMs` |
 * | `invalid_response` | the peer does not answer in HTTP/1.1, or not in the format asked for |
 * | `too_large` | the response is larger than the caller allows |
 * | `idle_timeout` | the response body paused for longer than `idleMs` |
 * | `truncated` | the response body ended before it was complete |
 * | `total_timeout` | the whole exchange took longer than `totalMs` |
 * | `aborted` | the caller's signal fired, or the caller gave the body up |
 * | `closed` | the pool is closed |
 * | `bad_status` | `HttpClient.json` got a status other than 2xx (see `status`) |
 */
export type HttpPoolErrorReason =
  | 'invalid_url'
  | 'invalid_request'
  | 'egress_denied'
  | 'queue_full'
  | 'queue_timeout'
  | 'dns'
  | 'unreachable'
  | 'connect_timeout'
  | 'tls'
  | 'proxy'
  | 'reset'
  | 'headers_timeout'
  | 'invalid_response'
  | 'too_large'
  | 'idle_timeout'
  | 'truncated'
  | 'total_timeout'
  | 'aborted'
  | 'closed'
  | 'bad_status'

/** How much too large something is. */
export interface Excess {
  /** What it may have, in bytes. */
  readonly limitBytes: number
  /** What it has, in bytes; undefined: nobody has said so, and it was not read to its end. */
  readonly sizeBytes?: number | undefined
}

export interface HttpPoolErrorDetails {
  readonly reason: HttpPoolErrorReason
  /** `scheme://host:port` of the target; undefined when the URL could not be used. */
  readonly origin?: string | undefined
  /** See {@link HttpPoolError.requestSent}. */
  readonly requestSent: boolean
  /** The HTTP status, when the failure is about one. */
  readonly status?: number | undefined
  /** How much too large the response is, for `too_large`; undefined when it is its head. */
  readonly excess?: Excess | undefined
  readonly cause?: unknown
}

/**
 * A request that did not lead to a complete response. The message names the origin, never a path, a query,
 * a header or a body.
 */
export class HttpPoolError extends Error {
  override readonly name = 'HttpPoolError'
  readonly code = 'ERR_HTTP_POOL'
  readonly reason: HttpPoolErrorReason
  readonly origin: string | undefined
  /**
   * False only when it is certain that no byte of the request reached the peer, so that sending it again
   * cannot execute it twice. True in every other case.
   */
  readonly requestSent: boolean
  readonly status: number | undefined
  readonly excess: Excess | undefined

  constructor(message: string, details: HttpPoolErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.reason = details.reason
    this.origin = details.origin
    this.requestSent = details.requestSent
    this.status = details.status
    this.excess = details.excess
  }

  /** Whether `error` is an {@link HttpPoolError}, also one of another copy of this package. */
  static is(error: unknown): error is HttpPoolError {
    return error instanceof Error && 'code' in error && error.code === 'ERR_HTTP_POOL'
  }
}
