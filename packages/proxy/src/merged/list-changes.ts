import { scanMessage } from '@mreg/mcp-wire'

import { type Asking, catalogExchange } from './catalog-exchange.ts'
import { messagesIn } from './inner-answer.ts'

const WANTED = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true }

export interface ListListenerOptions extends Omit<Asking, 'slug'> {
  /** A list of the server has changed. */
  readonly onChange: () => void
}

/** Hears when one server says that its lists have changed, for as long as the server lets it. */
export class ListListener {
  readonly #options: ListListenerOptions
  #isHearing = false

  constructor(options: ListListenerOptions) {
    this.#options = options
  }

  /** Begins to hear, if it does not already. Once the server has ended it, that has to be done again. */
  hear(slug: string): void {
    if (!this.#isHearing) void this.#hear(slug)
  }

  async #hear(slug: string): Promise<void> {
    const { onChange, ...asking } = this.#options
    this.#isHearing = true
    try {
      for await (const _ of listChanges({ ...asking, slug })) onChange()
    } catch {
      // Whoever asks the server learns what is wrong.
    } finally {
      this.#isHearing = false
    }
  }
}

/** Yields each time a server says that one of its lists has changed. Ends when the server ends it, or `signal` does. */
async function* listChanges(asking: Asking): AsyncGenerator<void, void, undefined> {
  const params = { notifications: WANTED }
  const accept = 'application/json, text/event-stream'
  const answer = await asking.ask(catalogExchange(asking, { method: 'subscriptions/listen', params, accept }))
  if (answer.kind !== 'stream') return
  for await (const { message } of messagesIn(answer)) {
    if (asking.signal.aborted) return
    if (scanMessage(message).method?.endsWith('/list_changed') === true) yield
  }
}
