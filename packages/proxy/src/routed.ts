import type { JsonRpcId, ScannedMessage } from '@mreg/mcp-wire'

import type { Exchange } from './exchange.ts'
import type { ServerRoute } from './route-table.ts'

/** A request whose server is known. */
export interface Routed {
  readonly exchange: Exchange
  readonly route: ServerRoute
}

/** A posted message whose server is known and which has been read. */
export interface RoutedMessage extends Routed {
  readonly scanned: ScannedMessage
  /** When it was read, in milliseconds of `performance.now`; undefined: nobody measures it. */
  readonly startedAt?: number | undefined
}

/** The id under which the client awaits an answer; null when it awaits none. */
export const idOf = (scanned: ScannedMessage): JsonRpcId | null =>
  scanned.kind === 'request' ? (scanned.id ?? null) : null

/** Whether the client takes an event stream (RFC 9110, section 12.5.1; a missing header takes everything). */
export const acceptsStream = (exchange: Exchange): boolean => {
  const accept = exchange.header('accept')
  return accept === undefined || /text\/event-stream|text\/\*|\*\/\*/iu.test(accept)
}
