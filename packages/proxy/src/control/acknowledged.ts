import { findMember, readValue, scanMessage } from '@mreg/mcp-wire'
import { isJsonObject } from '@mreg/upstream'

import { eventsIn } from '../merged/inner-answer.ts'

/** What a chunk of a subscription says that it will tell of; undefined: it is not the one that says so. */
export const acknowledgedIn = (chunk: Uint8Array): ReadonlySet<string> | undefined => {
  for (const { data } of eventsIn(chunk)) {
    if (data === undefined) continue
    const { method, paramsSpan } = scanMessage(data)
    if (method !== 'notifications/subscriptions/acknowledged' || paramsSpan === undefined) continue
    const span = findMember(data, paramsSpan, 'notifications')
    const honoured = span && readValue(data, span)
    return new Set(
      Object.entries(isJsonObject(honoured) ? honoured : {}).flatMap(([name, value]) =>
        value === true ? [name] : [],
      ),
    )
  }
  return undefined
}
