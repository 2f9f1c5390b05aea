import type { UpstreamTransportError, UpstreamTransportErrorReason } from '@mreg/mcp-transports'

/** Why a request to an upstream failed; stable, shown to clients as `data.reason`. */
export type UpstreamErrorReason =
  | UpstreamTransportErrorReason
  | 'circuit_open'
  | 'needs_login'
  | 'rate_limited'
  | 'redirect'
  | 'upstream_status'
  | 'session_lost'
  | 'transport_unsupported'
  | 'credentials_unavailable'
  /** The process of the server is still starting. */
  | 'starting'
  /** The process of the server failed, and is not started again yet. */
  | 'restart_pending'
  | 'too_many_processes'
  | 'internal'

export interface UpstreamErrorOptions extends ErrorOptions {
  /** After how many milliseconds another try makes sense. */
  readonly retryAfterMs?: number | undefined
  /** False only when it is certain that the upstream accepted no byte of the request. Default true. */
  readonly requestSent?: boolean | undefined
  /** The HTTP status, when there was one. */
  readonly status?: number | undefined
  /** How much too large the answer is, for `too_large`. */
  readonly excess?: UpstreamTransportError['excess']
}

/** A request to an upstream failed. The message names no address and no credential. */
export class UpstreamError extends Error {
  readonly code = 'ERR_UPSTREAM'
  readonly reason: UpstreamErrorReason
  readonly retryAfterMs: number | undefined
  readonly requestSent: boolean
  readonly status: number | undefined
  readonly excess: UpstreamTransportError['excess']

  constructor(reason: UpstreamErrorReason, message: string, options: UpstreamErrorOptions = {}) {
    super(message, options)
    this.name = 'UpstreamError'
    this.reason = reason
    this.retryAfterMs = options.retryAfterMs
    this.requestSent = options.requestSent ?? true
    this.status = options.status
    this.excess = options.excess
  }

  /** Whether `error` is an {@link UpstreamError}. */
  static is(error: unknown): error is UpstreamError {
    return error instanceof Error && 'code' in error && error.code === 'ERR_UPSTREAM'
  }
}
