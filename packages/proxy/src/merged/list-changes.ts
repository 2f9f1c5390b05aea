import { scanMessage } from '@mreg/mcp-wire'

import { type Asking, catalogExchange } from './catalog-exchange.ts'
import { messagesIn } from './inner-answer.ts'

const WANTED = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true }

/** Yields each time a server says that one of its lists has changed. Ends when the server ends it, or `signal` does. */
export async function* listChanges(asking: Asking): AsyncGenerator<void, void, undefined> {
  const params = { notifications: WANTED }
  const accept = 'application/json, text/event-stream'
  const answer = await asking.ask(catalogExchange(asking, { method: 'subscriptions/listen', params, accept }))
  if (answer.kind !== 'stream') return
  for await (const { message } of messagesIn(answer)) {
    if (asking.signal.aborted) return
    if (scanMessage(message).method?.endsWith('/list_changed') === true) yield
  }
}
