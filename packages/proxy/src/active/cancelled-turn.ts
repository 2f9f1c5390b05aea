import { encodeError, ERROR_CODE } from '@mreg/mcp-wire'

import { finalTurn } from '../bridge/turns.ts'
import type { Turn } from '../converse.ts'
import { idOf, type RoutedMessage } from '../routed.ts'

/** What a client gets whose request was cancelled here. */
export const cancelledTurn = ({ exchange, scanned }: RoutedMessage, why: string): Turn => {
  const { requestId, slug } = exchange
  const error = {
    id: idOf(scanned),
    code: ERROR_CODE.internal,
    message: `The request was cancelled: ${why}.`,
    data: { reason: 'cancelled', server: slug, requestId },
  }
  return { ...finalTurn(encodeError(error)), isCancelled: true }
}
