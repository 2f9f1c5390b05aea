import type { Cache } from '../cache.ts'
import { checkCount } from '../check-options.ts'
import { ComposedCache } from '../composed-cache.ts'
import type { OnBackgroundError } from '../message-bus.ts'
import { MemoryBus } from './memory-bus.ts'
import { MemoryStore } from './memory-store.ts'

/** Options of {@link createMemoryCache}. */
export interface MemoryCacheOptions {
  /** Entries at once; the one used least recently makes room. Default 10 000. */
  readonly maxEntries?: number | undefined
  /** Bytes at once: values, keys, and an allowance for each entry. Default 64 MiB. */
  readonly maxBytes?: number | undefined
  /** The largest value, in bytes; larger ones are dropped. Default 4 MiB, or `maxBytes` if that is less. */
  readonly maxValueBytes?: number | undefined
  /** Is told failures that nobody waits for: handlers that threw, loads behind a stale answer. Default: nobody is. */
  readonly onBackgroundError?: OnBackgroundError | undefined
  /** Milliseconds of a clock that never goes back. Default `performance.now`. */
  readonly now?: (() => number) | undefined
}

/**
 * A cache within this process. It needs no closing for the process to end.
 *
 * @throws {RangeError} when a limit is less than 1.
 */
export const createMemoryCache = (options: MemoryCacheOptions = {}): Cache => {
  const { maxEntries = 10_000, maxBytes = 67_108_864, onBackgroundError = () => {} } = options
  const { maxValueBytes = Math.min(4_194_304, maxBytes), now = () => performance.now() } = options
  for (const [name, count] of Object.entries({ maxEntries, maxBytes, maxValueBytes })) checkCount(name, count)
  const store = new MemoryStore({ maxEntries, maxBytes, now })
  const bus = new MemoryBus()
  return new ComposedCache({
    store,
    bus,
    maxValueBytes,
    onBackgroundError,
    describe: (counters) => ({
      kind: 'memory',
      connected: true,
      entries: store.size,
      bytes: store.bytes,
      ...counters,
    }),
    close: async () => {
      store.close()
      bus.close()
    },
  })
}
