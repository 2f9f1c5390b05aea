import type { Notice } from '../database-pool.ts'

type Handler = (notice: Notice) => void

/** Who listens to which channel, whichever thread the database is in. */
export class Listeners {
  readonly #handlers = new Map<string, Set<Handler>>()

  get channels(): readonly string[] {
    return [...this.#handlers.keys()]
  }

  /** @returns whether it is the first one of its channel. */
  add(channel: string, handler: Handler): boolean {
    const handlers = this.#handlers.get(channel)
    if (handlers === undefined) {
      this.#handlers.set(channel, new Set([handler]))
      return true
    }
    handlers.add(handler)
    return false
  }

  /** @returns whether it was the last one of its channel. */
  remove(channel: string, handler: Handler): boolean {
    const handlers = this.#handlers.get(channel)
    handlers?.delete(handler)
    return handlers?.size === 0 && this.#handlers.delete(channel)
  }

  /** Hands on what came on a channel. */
  tell(channel: string, payload: string): void {
    const notice: Notice = { payload: payload === '' ? undefined : payload, missed: false }
    for (const handler of this.#handlers.get(channel) ?? []) {
      handler(notice)
    }
  }

  /** Tells everyone that something may have been missed. */
  tellMissed(): void {
    for (const handlers of this.#handlers.values()) {
      for (const handler of handlers) {
        handler({ payload: undefined, missed: true })
      }
    }
  }
}
