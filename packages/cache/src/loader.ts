import { CacheLoadTimeoutError } from './cache-load-timeout-error.ts'
import type { Load, LoadOptions } from './cache.ts'
import type { Counters } from './counters.ts'
import type { EntryStore, StoredEntry, WriteOptions } from './entry-store.ts'
import type { OnBackgroundError } from './message-bus.ts'
import { within } from './within.ts'

/** How long a load may take when nobody says, in milliseconds. */
const LOAD_TIMEOUT_MS = 10_000

/** Something under way that others may share, until its key or one of its tags changes. */
interface Flight {
  readonly identity: symbol
  readonly result: Promise<Uint8Array>
  readonly tags: readonly string[]
}

/** Whether nothing has changed since the flight began. */
type IsCurrent = () => boolean

export interface LoaderOptions {
  readonly store: EntryStore
  readonly counters: Counters
  readonly maxValueBytes: number
  readonly onBackgroundError: OnBackgroundError
}

/** Get-or-load: one load of a key at a time, and the two uses of values past their time. */
export class Loader {
  readonly #options: LoaderOptions
  readonly #closing = new AbortController()
  /** Whole answers: a read, and a load if need be. */
  readonly #answers = new Map<string, Flight>()
  /** Loads, which may go on behind an answer that was given. */
  readonly #loads = new Map<string, Flight>()

  constructor(options: LoaderOptions) {
    this.#options = options
  }

  /** How many keys are being loaded. */
  get loading(): number {
    return this.#loads.size
  }

  async get(key: string, load: Load, options: LoadOptions): Promise<Uint8Array> {
    options.signal?.throwIfAborted()
    const result = this.#share(this.#answers, key, options, () => this.#answer(key, load, options))
    return options.signal === undefined ? result : within(result, options.signal)
  }

  /** The key has changed: what is under way for it is neither shared nor kept. */
  detachKey(key: string): void {
    this.#answers.delete(key)
    this.#loads.delete(key)
  }

  detachTag(tag: string): void {
    for (const flights of [this.#answers, this.#loads]) {
      for (const [key, { tags }] of flights) if (tags.includes(tag)) flights.delete(key)
    }
  }

  /** Ends what is being loaded behind answers that were given. */
  close(): void {
    this.#closing.abort(new Error('the cache was closed'))
  }

  #share(
    flights: Map<string, Flight>,
    key: string,
    { tags = [] }: LoadOptions,
    begin: (isCurrent: IsCurrent) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const known = flights.get(key)
    if (known !== undefined) return known.result
    const identity = Symbol(key)
    const isCurrent = (): boolean => flights.get(key)?.identity === identity
    const result = begin(isCurrent)
    flights.set(key, { identity, tags, result })
    const forget = (): void => {
      if (isCurrent()) flights.delete(key)
    }
    result.then(forget, forget)
    return result
  }

  async #answer(key: string, load: Load, options: LoadOptions): Promise<Uint8Array> {
    const { counters, store } = this.#options
    const { tags = [], staleWhileRevalidateMs = 0, staleIfErrorMs = 0 } = options
    const stale = staleWhileRevalidateMs > 0 || staleIfErrorMs > 0
    const entry = await store.read(key, { tags, stale })
    if (entry && entry.staleForMs <= 0) {
      counters.hits += 1
      return entry.value
    }
    const old = usable(entry, staleWhileRevalidateMs)
    if (old !== undefined) {
      counters.staleHits += 1
      this.#load(key, load, options).catch((error: unknown) => {
        this.#options.onBackgroundError(error, 'revalidate')
      })
      return old.value
    }
    counters.misses += 1
    try {
      return await this.#load(key, load, options)
    } catch (error) {
      const rescue = usable(entry, staleIfErrorMs)
      if (rescue === undefined) throw error
      counters.staleHits += 1
      return rescue.value
    }
  }

  #load(key: string, load: Load, options: LoadOptions): Promise<Uint8Array> {
    return this.#share(this.#loads, key, options, (isCurrent) =>
      this.#loadAndKeep(key, load, options, isCurrent),
    )
  }

  async #loadAndKeep(
    key: string,
    load: Load,
    options: LoadOptions,
    isCurrent: IsCurrent,
  ): Promise<Uint8Array> {
    const { counters, maxValueBytes, store } = this.#options
    const { ttlMs, tags = [], staleWhileRevalidateMs = 0, staleIfErrorMs = 0 } = options
    const versions = tags.length === 0 ? [] : await store.versions(tags)
    counters.loads += 1
    let value: Uint8Array
    try {
      value = await this.#withinTime(load, options.timeoutMs ?? LOAD_TIMEOUT_MS)
    } catch (error) {
      counters.loadFailures += 1
      throw error
    }
    if (!isCurrent()) return value
    if (versions === undefined || value.byteLength > maxValueBytes) {
      counters.droppedWrites += 1
      return value
    }
    const staleMs = Math.max(staleWhileRevalidateMs, staleIfErrorMs)
    // Nobody waits for it: what is read later comes after it.
    void this.#keep(key, value, { ttlMs, staleMs, tags, versions })
    return value
  }

  async #keep(key: string, value: Uint8Array, options: WriteOptions): Promise<void> {
    const written = await this.#options.store.write(key, value, options)
    this.#options.counters[written ? 'writes' : 'droppedWrites'] += 1
  }

  async #withinTime(load: Load, timeoutMs: number): Promise<Uint8Array> {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new CacheLoadTimeoutError(timeoutMs)), timeoutMs)
    const signal = AbortSignal.any([late.signal, this.#closing.signal])
    try {
      // Who has closed the cache wants nothing begun.
      signal.throwIfAborted()
      return await within(load(signal), signal)
    } finally {
      clearTimeout(timer)
    }
  }
}

const usable = (entry: StoredEntry | null | undefined, staleMs: number): StoredEntry | undefined =>
  entry && entry.staleForMs <= staleMs ? entry : undefined
