import {
  encodeResult,
  type JsonRpcId,
  META,
  scanMessage,
  type ScannedMessage,
  type SpliceEdit,
} from '@mreg/mcp-wire'

import type { Turn } from '../converse.ts'

/** A message on the way to the response. */
export const messageTurn = (message: Uint8Array): Turn => ({
  message,
  eventId: undefined,
  retryMs: undefined,
  final: false,
  status: 200,
})

/** The response. */
export const finalTurn = (message: Uint8Array, status = 200): Turn => ({
  message,
  eventId: undefined,
  retryMs: undefined,
  final: true,
  status,
})

/** The response to `subscriptions/listen` with this id when the subscription ends well. */
export const subscriptionEndTurn = (id: JsonRpcId): Turn =>
  finalTurn(encodeResult({ id, result: { resultType: 'complete', _meta: { [META.subscriptionId]: id } } }))

/** What the message of a turn is; whoever sent it may have scanned it already. */
export const scannedTurn = ({ message, scanned }: Turn, maxDepth: number): ScannedMessage =>
  scanned ?? scanMessage(message, { maxDepth })

/** What makes the id of a scanned message another one. */
export const idEdits = ({ id: own, idSpan }: ScannedMessage, id: JsonRpcId): SpliceEdit[] =>
  own === id || idSpan === undefined ? [] : [{ span: idSpan, replacement: JSON.stringify(id) }]
