import { checkCount } from './checks.ts'
import type { Emitter } from './emitter.ts'
import type { CircuitEvent, CircuitEventType } from './events.ts'

export interface EventStreamOptions {
  /** Ends the stream. */
  readonly signal?: AbortSignal | undefined
  /** How many events wait for a slow reader before the oldest is dropped. Default 64. */
  readonly buffer?: number | undefined
  /** Which events. Default: transitions and isolations, which are rare; the others come with every refused or late call. */
  readonly types?: readonly CircuitEventType[] | undefined
}

type Result = IteratorResult<CircuitEvent, undefined>

const END: Result = Object.freeze({ done: true, value: undefined })

/** Events as an async iterator: from the moment of this call, not of the first reading. */
export function eventStream(
  emitter: Emitter,
  { signal, buffer = 64, types = ['transition', 'isolation'] }: EventStreamOptions = {},
): AsyncIterableIterator<CircuitEvent> {
  checkCount('buffer', buffer, 1)
  const waiting: CircuitEvent[] = []
  let readers: ((result: Result) => void)[] = []
  let ended = signal?.aborted ?? false

  const end = (): void => {
    ended = true
    for (const off of subscriptions) off()
    signal?.removeEventListener('abort', end)
    for (const reader of readers) reader(END)
    readers = []
  }
  const take = (event: CircuitEvent): void => {
    const reader = readers.shift()
    if (reader) return reader({ done: false, value: event })
    if (waiting.push(event) > buffer) waiting.shift()
  }
  const subscriptions = types.map((type) => emitter.on(type, take, signal))
  if (!ended) signal?.addEventListener('abort', end)

  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      const event = waiting.shift()
      if (event) return { done: false, value: event }
      return ended ? END : new Promise((resolve) => readers.push(resolve))
    },
    async return() {
      waiting.length = 0
      end()
      return END
    },
  }
}
