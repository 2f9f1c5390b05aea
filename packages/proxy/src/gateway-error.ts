import { ERROR_CODE } from '@mreg/mcp-wire'
import { UpstreamError } from '@mreg/upstream'

import type { ErrorData } from './answer.ts'

/** A failure of the gateway or of an upstream, as the JSON-RPC error that a client gets. */
export interface GatewayError {
  readonly code: number
  readonly message: string
  readonly data: ErrorData
}

/**
 * What a client is told about a failure: a stable reason, the server's slug, when to try again, and the
 * request id that finds it in the log. Never a stack, never an address.
 */
export const gatewayError = (error: unknown, slug: string, requestId: string): GatewayError => {
  const data: ErrorData = { reason: 'internal', server: slug, requestId }
  if (!UpstreamError.is(error)) {
    return { code: ERROR_CODE.internal, message: 'The gateway failed to handle the request.', data }
  }
  return {
    code: ERROR_CODE.internal,
    message: `Server "${slug}" is unavailable: ${error.message}.`,
    data: {
      ...data,
      reason: error.reason,
      ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
      ...(error.status === undefined ? {} : { status: error.status }),
    },
  }
}
