/** A function that gets one kind of event. */
export type EventListener<Event> = (event: Event) => void

/**
 * Tells what happened inside one process, synchronously and in the order of subscription.
 *
 * A listener that throws never reaches the emitter: its error goes to `onListenerError`. A listener
 * that is added or removed while an event is told takes effect with the next one.
 */
export class EventBus<Events extends object> {
  readonly #listeners = new Map<keyof Events, ReadonlySet<EventListener<never>>>()
  readonly #onListenerError: (error: unknown, type: keyof Events) => void

  /**
   * @param options.onListenerError gets what a listener threw; undefined: it is dropped.
   */
  constructor(options: { readonly onListenerError?: (error: unknown, type: keyof Events) => void } = {}) {
    this.#onListenerError = options.onListenerError ?? (() => {})
  }

  /** Calls `listener` for each later event of `type`. Gives the function that ends it; calling that twice is harmless. */
  on<Type extends keyof Events>(type: Type, listener: EventListener<Events[Type]>): () => void {
    this.#listeners.set(type, new Set([...(this.#listeners.get(type) ?? []), listener]))
    return () => {
      const remaining = new Set(this.#listeners.get(type))
      remaining.delete(listener)
      this.#listeners.set(type, remaining)
    }
  }

  /** Tells every listener of `type`. Never throws. */
  emit<Type extends keyof Events>(type: Type, event: Events[Type]): void {
    // The set is replaced, never changed, so this walk is over what was subscribed when the event happened.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- `on` put only listeners of this type here
    const listeners = this.#listeners.get(type) as ReadonlySet<EventListener<Events[Type]>> | undefined
    for (const listener of listeners ?? []) {
      try {
        listener(event)
      } catch (error) {
        this.#onListenerError(error, type)
      }
    }
  }
}
