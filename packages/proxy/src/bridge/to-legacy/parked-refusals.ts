import { encodeError, ERROR_CODE } from '@mreg/mcp-wire'

import type { Turn } from '../../converse.ts'
import { idOf, type RoutedMessage } from '../../routed.ts'
import { finalTurn } from '../turns.ts'

/** Why a request cannot go on with a call. */
export type ParkedRefusal = 'invalid' | 'gone' | 'lost'

const REFUSALS: Readonly<Record<ParkedRefusal, { readonly code: number; reason: string; text: string }>> = {
  invalid: {
    code: ERROR_CODE.invalidParams,
    reason: 'request_state',
    text: 'The request state was not given for this request.',
  },
  gone: {
    code: ERROR_CODE.internal,
    reason: 'parked_call_gone',
    text: 'The call does not wait for this answer any more; call again.',
  },
  lost: {
    code: ERROR_CODE.internal,
    reason: 'parked_call_lost',
    text: 'The process of the gateway that had the call is gone. It got the answer; what came of that is not known.',
  },
}

/** What the client is told then. */
export const parkedRefusal = ({ exchange, scanned }: RoutedMessage, refusal: ParkedRefusal): Turn => {
  const { code, reason, text } = REFUSALS[refusal]
  const data = { reason, server: exchange.slug, requestId: exchange.requestId }
  return finalTurn(encodeError({ id: idOf(scanned), code, message: text, data }))
}
