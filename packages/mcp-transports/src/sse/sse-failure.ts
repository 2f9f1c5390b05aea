import { HttpPoolError } from '@mreg/http-pool'
import { SseEventTooLargeError } from '@mreg/mcp-wire'

import { UpstreamTransportError } from '../upstream-transport-error.ts'

/** What went wrong with a stream or a request of this transport, as its error. */
export const sseFailure = (label: string, error: unknown): UpstreamTransportError => {
  if (UpstreamTransportError.is(error)) return error
  if (HttpPoolError.is(error)) {
    const { excess, reason, requestSent } = error
    const details = { reason, requestSent, excess, cause: error }
    return new UpstreamTransportError(`${label}: ${error.message}`, details)
  }
  const details = { requestSent: true, cause: error }
  return SseEventTooLargeError.is(error)
    ? new UpstreamTransportError(`${label}: an event has more than ${error.maxEventBytes} bytes`, {
        ...details,
        reason: 'too_large',
        excess: { limitBytes: error.maxEventBytes },
      })
    : new UpstreamTransportError(`${label}: was given up`, { ...details, reason: 'aborted' })
}
