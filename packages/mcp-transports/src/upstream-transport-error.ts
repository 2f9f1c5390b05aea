import type { Excess, HttpPoolErrorReason } from '@mreg/http-pool'

/**
 * Why no reply, or no complete reply, came: a reason of the pool (see `HttpPoolErrorReason`), or
 *
 * - `bad_content_type`: a successful answer that is neither JSON nor an event stream, or is compressed;
 * - `not_a_message`: an answer of the right type that holds no JSON object;
 *
 * of a server that is a process:
 *
 * - `start_failed`: it could not be run, or ended or refused before it was ready;
 * - `start_timeout`: it was not ready in time;
 * - `process_exited`: it ended before it had answered;
 * - `not_reading`: it did not read its input in time.
 */
export type UpstreamTransportErrorReason =
  | HttpPoolErrorReason
  | 'bad_content_type'
  | 'not_a_message'
  | 'start_failed'
  | 'start_timeout'
  | 'process_exited'
  | 'not_reading'

export interface UpstreamTransportErrorDetails {
  readonly reason: UpstreamTransportErrorReason
  /** See {@link UpstreamTransportError.requestSent}. */
  readonly requestSent: boolean
  /** See {@link UpstreamTransportError.errorLines}. Default: none. */
  readonly errorLines?: readonly string[] | undefined
  /** See {@link UpstreamTransportError.excess}. */
  readonly excess?: Excess | undefined
  readonly cause?: unknown
}

/** A message that got no reply from the server, or an incomplete one. Its text holds nothing the server sent. */
export class UpstreamTransportError extends Error {
  override readonly name = 'UpstreamTransportError'
  readonly code = 'ERR_UPSTREAM_TRANSPORT'
  readonly reason: UpstreamTransportErrorReason
  /** False only when it is certain that no byte of the message reached the server. */
  readonly requestSent: boolean
  /** The last lines that a process wrote to its standard error, oldest first. For its operator, not for its users. */
  readonly errorLines: readonly string[]
  /** How much too large the answer is, for `too_large`. */
  readonly excess: Excess | undefined

  constructor(message: string, details: UpstreamTransportErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.reason = details.reason
    this.requestSent = details.requestSent
    this.errorLines = details.errorLines ?? []
    this.excess = details.excess
  }

  /** Whether `error` is an {@link UpstreamTransportError}, also one of another copy of this package. */
  static is(error: unknown): error is UpstreamTransportError {
    return error instanceof Error && 'code' in error && error.code === 'ERR_UPSTREAM_TRANSPORT'
  }
}
