import {
  UpstreamTransportError,
  type UpstreamTransportErrorDetails,
  type UpstreamTransportErrorReason,
} from '../upstream-transport-error.ts'

/** An error of this transport. `requestSent` is true unless it is said otherwise. */
export const failure = (
  reason: UpstreamTransportErrorReason,
  message: string,
  details: Partial<Omit<UpstreamTransportErrorDetails, 'reason'>> = {},
): UpstreamTransportError => new UpstreamTransportError(message, { reason, requestSent: true, ...details })
