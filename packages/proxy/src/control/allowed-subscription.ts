import { findMember, readValue, scanMessage, spliceMessage } from '@mreg/mcp-wire'

import type { RoutedMessage } from '../routed.ts'
import type { CapabilityGate } from './capability-gate.ts'

/** The most resources that one subscription may name; what goes beyond is not honoured. */
const MAX_RESOURCES = 1000
const OPENING_BRACE = 0x7b

/**
 * A subscription of the newer era without the resources of which its sender may not hear, so that no change of them ever wakes it:
 * what the server acknowledges says which are left.
 */
export const allowedSubscription = async <Message extends RoutedMessage>(
  message: Message,
  gate: CapabilityGate,
  maxDepth: number,
): Promise<Message> => {
  const { exchange, route, scanned } = message
  const { body, principal } = exchange
  if (!gate.mayRefuse(message)) return message
  const wanted = scanned.paramsSpan && findMember(body, scanned.paramsSpan, 'notifications')
  if (wanted === undefined || body[wanted.start] !== OPENING_BRACE) return message
  const span = findMember(body, wanted, 'resourceSubscriptions')
  const named = span && readValue(body, span)
  if (span === undefined || !Array.isArray(named)) return message
  const uris = named.filter((uri): uri is string => typeof uri === 'string').slice(0, MAX_RESOURCES)
  const judged = await Promise.all(
    uris.map((uri) => gate.judge(route, principal, { kind: 'resource', name: uri })),
  )
  const allowed = uris.filter((_, index) => {
    const { access, withheld } = judged[index] ?? {}
    return access === undefined && withheld === undefined
  })
  if (allowed.length === named.length) return message
  const left = spliceMessage(body, [{ span, replacement: JSON.stringify(allowed) }])
  return { ...message, exchange: { ...exchange, body: left }, scanned: scanMessage(left, { maxDepth }) }
}
