import type { WireError } from '@mreg/mcp-wire'

import { type Answer, errorAnswer } from './answer.ts'
import type { Exchange } from './exchange.ts'

/** The answer to what is no message of the protocol. */
export const unreadable = (error: WireError, { requestId }: Exchange): Answer =>
  errorAnswer(400, {
    id: error.id ?? null,
    code: error.jsonRpcCode,
    message: error.message,
    data: { reason: error.reason, requestId },
  })
