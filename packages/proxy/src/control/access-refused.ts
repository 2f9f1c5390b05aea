import type { AccessRefusal } from '@mreg/access'
import { encodeError, ERROR_CODE } from '@mreg/mcp-wire'

import { idOf, type RoutedMessage } from '../routed.ts'
import type { NamedCapability } from './named-capability.ts'

/** The answer to a request for something that its sender may not use. */
export const accessRefused = (
  { exchange, route, scanned }: RoutedMessage,
  { kind, name }: NamedCapability,
  { argument, by, reason }: AccessRefusal,
): Uint8Array => {
  const { slug } = route.server
  const what = `the ${kind.replaceAll('_', ' ')} ${JSON.stringify(name)} of the server "${slug}"`
  const text =
    argument === undefined
      ? `T${what.slice(1)} may not be used: ${by} does not allow it.`
      : `The argument "${argument}" of ${what} may not be that: ${by} does not allow it.`
  return encodeError({
    id: idOf(scanned),
    code: ERROR_CODE.invalidParams,
    message: text,
    data: {
      reason,
      server: slug,
      requestId: exchange.requestId,
      ...(kind === 'resource' ? { uri: name } : {}),
    },
  })
}
