import type { CircuitEvent, CircuitEventOf, CircuitEventType } from './events.ts'

/** Takes an error that a listener threw, so that it reaches someone without reaching the caller. */
export type ReportError = (error: unknown, event: CircuitEvent | undefined) => void

interface Subscription {
  readonly type: CircuitEventType
  readonly listener: (event: CircuitEvent) => unknown
}

const isOf = <Type extends CircuitEventType>(
  event: CircuitEvent,
  type: Type,
): event is CircuitEventOf<Type> => event.type === type

interface Delivery {
  readonly event: CircuitEvent
  readonly fail: (error: unknown) => void
}

/**
 * Synchronous typed events. Listeners may call anything, the breaker included: events that this causes are delivered
 * after the current one has reached everybody, so each listener sees them in the order in which they happened.
 */
export class Emitter {
  #subscriptions: readonly Subscription[] = []
  readonly #queue: Delivery[] = []

  /** @see CircuitBreaker.on */
  on<Type extends CircuitEventType>(
    type: Type,
    listener: (event: CircuitEventOf<Type>) => unknown,
    signal?: AbortSignal,
  ): () => void {
    const subscription: Subscription = {
      type,
      listener: (event) => (isOf(event, type) ? listener(event) : undefined),
    }
    const off = (): void => {
      this.#subscriptions = this.#subscriptions.filter((each) => each !== subscription)
      signal?.removeEventListener('abort', off)
    }
    if (!signal?.aborted) {
      this.#subscriptions = [...this.#subscriptions, subscription]
      signal?.addEventListener('abort', off)
    }
    return off
  }

  /** Whether anyone listens for `type`: asked before an event is made on a frequent path. */
  has(type: CircuitEventType): boolean {
    return this.#subscriptions.some((each) => each.type === type)
  }

  emit(event: CircuitEvent, fail: (error: unknown) => void): void {
    // Each event with its own `fail`: it knows which event it is about.
    if (this.#queue.push({ event, fail }) > 1) return
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      for (const { listener } of this.#subscriptions) call(listener, next)
      this.#queue.shift()
    }
  }
}

function call(listener: Subscription['listener'], { event, fail }: Delivery): void {
  try {
    const result = listener(event)
    if (result instanceof Promise) result.catch(fail)
  } catch (error) {
    fail(error)
  }
}
