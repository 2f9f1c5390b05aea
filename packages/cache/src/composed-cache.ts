import { checkName } from './cache-key.ts'
import type { CacheCounters, CacheStats } from './cache-stats.ts'
import type { Cache, CacheLookup, Load, LoadOptions, Notice, SetOptions } from './cache.ts'
import { checkLoadOptions, checkSetOptions } from './check-options.ts'
import { newCounters, shownCounters } from './counters.ts'
import type { EntryStore } from './entry-store.ts'
import { Loader } from './loader.ts'
import type { MessageBus, OnBackgroundError } from './message-bus.ts'
import { checkTokenRequest, type TokenGrant, type TokenRequest } from './tokens.ts'

/** What a {@link ComposedCache} is made of. */
export interface CacheParts {
  readonly store: EntryStore
  readonly bus: MessageBus
  readonly maxValueBytes: number
  readonly onBackgroundError: OnBackgroundError
  readonly describe: (counters: CacheCounters) => CacheStats
  readonly close: () => Promise<void>
}

/** The one implementation of {@link Cache}, over any store and any bus. */
export class ComposedCache implements Cache {
  readonly #parts: CacheParts
  readonly #counters = newCounters()
  readonly #loader: Loader
  #closed: Promise<void> | undefined

  constructor(parts: CacheParts) {
    this.#parts = parts
    const { store, maxValueBytes, onBackgroundError } = parts
    this.#loader = new Loader({ store, maxValueBytes, onBackgroundError, counters: this.#counters })
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const found = await this.lookup(key)
    return found.kind === 'hit' ? found.value : undefined
  }

  async lookup(key: string): Promise<CacheLookup> {
    checkName('the key', key)
    const entry = await this.#parts.store.read(key, { tags: [], stale: false })
    if (entry && entry.staleForMs <= 0) {
      this.#counters.hits += 1
      return { kind: 'hit', value: entry.value }
    }
    this.#counters.misses += 1
    return { kind: entry === undefined ? 'unknown' : 'miss' }
  }

  async set(key: string, value: Uint8Array, options: SetOptions): Promise<boolean> {
    checkName('the key', key)
    checkSetOptions(options)
    this.#loader.detachKey(key)
    const { store, maxValueBytes } = this.#parts
    if (value.byteLength > maxValueBytes) {
      // What was there before is not the value any more.
      void store.delete(key)
      return this.#written(false)
    }
    const { ttlMs, tags = [] } = options
    // The caller may use its buffer again before the tags are known.
    const copy = tags.length === 0 ? value : value.slice()
    const versions = tags.length === 0 ? [] : await store.versions(tags)
    return this.#written(
      versions !== undefined && (await store.write(key, copy, { ttlMs, staleMs: 0, tags, versions })),
    )
  }

  async delete(key: string): Promise<boolean> {
    checkName('the key', key)
    this.#loader.detachKey(key)
    return this.#done(await this.#parts.store.delete(key))
  }

  async getOrLoad(key: string, load: Load, options: LoadOptions): Promise<Uint8Array> {
    checkName('the key', key)
    checkLoadOptions(options)
    return this.#loader.get(key, load, options)
  }

  async invalidateTag(tag: string): Promise<boolean> {
    checkName('the tag', tag)
    this.#loader.detachTag(tag)
    return this.#done(await this.#parts.store.invalidateTag(tag))
  }

  async takeTokens(key: string, request: TokenRequest): Promise<TokenGrant | undefined> {
    checkName('the key', key)
    checkTokenRequest(request)
    return this.#parts.store.takeTokens(key, request)
  }

  async publish(channel: string, message: string): Promise<boolean> {
    checkName('the channel', channel)
    return this.#done(await this.#parts.bus.publish(channel, message))
  }

  async subscribe(channel: string, handler: (notice: Notice) => void): Promise<AsyncDisposable> {
    checkName('the channel', channel)
    return this.#parts.bus.subscribe(channel, (notice) => {
      try {
        handler(notice)
      } catch (error) {
        this.#parts.onBackgroundError(error, 'handler')
      }
    })
  }

  stats(): CacheStats {
    return this.#parts.describe(shownCounters(this.#counters, this.#loader.loading))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#loader.close()
    await this.#parts.close()
  }

  #written(written: boolean): boolean {
    if (written) this.#counters.writes += 1
    return this.#done(written)
  }

  #done(done: boolean): boolean {
    if (!done) this.#counters.droppedWrites += 1
    return done
  }
}
