import type { UpstreamReply } from '@mreg/mcp-transports'

import { UpstreamError } from './upstream-error.ts'

/**
 * Statuses that are no part of the protocol become errors; other replies are given back. A challenge is never relayed:
 * it is about our credentials, not the client's.
 *
 * @throws {UpstreamError} `needs_login`, `rate_limited`, `redirect` or `upstream_status`.
 */
export const refuseStatus = (reply: UpstreamReply): UpstreamReply => {
  if (reply.kind !== 'refused') return reply
  const { status, retryAfterMs } = reply
  if (status === 401 || status === 403) {
    throw new UpstreamError('needs_login', 'the server wants credentials that it has not been given', {
      status,
    })
  }
  if (status === 429)
    throw new UpstreamError('rate_limited', 'the server asks to be called less often', {
      status,
      retryAfterMs,
    })
  if (status >= 300 && status < 400) {
    throw new UpstreamError(
      'redirect',
      'the server redirects to another address, which is not followed; register that address',
      { status },
    )
  }
  if (status >= 500)
    throw new UpstreamError('upstream_status', `the server answered with HTTP ${status}`, {
      status,
      retryAfterMs,
    })
  return reply
}
