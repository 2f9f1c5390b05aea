import type { Handler, MessageBus } from '../message-bus.ts'

/** Messages within this process: told after the publisher's own turn, in order. */
export class MemoryBus implements MessageBus {
  readonly #channels = new Map<string, Set<Handler>>()
  #closed = false

  async publish(channel: string, message: string): Promise<boolean> {
    if (this.#closed) return false
    for (const handler of this.#channels.get(channel) ?? []) {
      queueMicrotask(() => {
        if (this.#channels.get(channel)?.has(handler)) handler({ message, missed: false })
      })
    }
    return true
  }

  async subscribe(channel: string, handler: Handler): Promise<AsyncDisposable> {
    const handlers = this.#channels.get(channel) ?? new Set()
    if (!this.#closed) this.#channels.set(channel, handlers.add(handler))
    return {
      [Symbol.asyncDispose]: async () => {
        handlers.delete(handler)
        if (handlers.size === 0 && this.#channels.get(channel) === handlers) this.#channels.delete(channel)
      },
    }
  }

  close(): void {
    this.#closed = true
    this.#channels.clear()
  }
}
