import type { CacheStats } from './cache-stats.ts'
import type { TokenGrant, TokenRequest } from './tokens.ts'

/** How to keep a value. */
export interface SetOptions {
  /** How long it is good, in milliseconds; more than 0, at most {@link MAXIMUM_TTL_MS}. */
  readonly ttlMs: number
  /** Names under which {@link Cache.invalidateTag} finds it; at most 16. Default none. */
  readonly tags?: readonly string[] | undefined
}

/** How to load a value, and how to keep it. */
export interface LoadOptions extends SetOptions {
  /** For so many milliseconds past `ttlMs` the old value is given at once, and a new one loaded behind it. Default 0. */
  readonly staleWhileRevalidateMs?: number | undefined
  /** For so many milliseconds past `ttlMs` the old value is given when loading fails. Default 0. */
  readonly staleIfErrorMs?: number | undefined
  /** How long loading may take, in milliseconds. Default 10 000. */
  readonly timeoutMs?: number | undefined
  /** Ends this caller's wait. The load itself goes on for those who share it. */
  readonly signal?: AbortSignal | undefined
}

/** What is known about a key: `unknown` when the cache could not be asked. */
export type CacheLookup =
  | { readonly kind: 'hit'; readonly value: Uint8Array }
  | { readonly kind: 'miss' }
  | { readonly kind: 'unknown' }

/** What a subscriber is told. */
export interface Notice {
  /** What was published; undefined when only `missed` is told. */
  readonly message: string | undefined
  /** True: the connection was made anew, and messages may have been lost before this moment. */
  readonly missed: boolean
}

/** A load: it should end when `signal` does. */
export type Load = (signal: AbortSignal) => Promise<Uint8Array>

/**
 * A cache that may lose anything at any time, and a bus beside it. Values are bytes: what is counted is what is
 * kept, and both implementations give back exactly what was set. `jsonCache` puts JSON on top.
 *
 * Nothing here throws because the cache is away: reads miss, writes are dropped and counted, loads still load.
 * Keys and tags are texts of 1 to 512 characters (`cacheKey` makes them); others are a RangeError, and so is a
 * time that makes no sense.
 */
export interface Cache extends AsyncDisposable {
  /** The value while it is good; undefined: there is none, or the cache is away. Do not write into it. */
  get(key: string): Promise<Uint8Array | undefined>

  /** As {@link Cache.get}, for those who must know "there is none" from "nobody can tell". */
  lookup(key: string): Promise<CacheLookup>

  /** Keeps a copy of `value`. False: it was dropped, because it is too large or the cache is away. */
  set(key: string, value: Uint8Array, options: SetOptions): Promise<boolean>

  /** Forgets a key. False: the cache is away, and may still give the value when it is back. */
  delete(key: string): Promise<boolean>

  /**
   * The value, loaded if there is none. In one process a key is loaded once for all who ask meanwhile, with the
   * options of the first. A value that was set, deleted or invalidated by tag during its load is not kept.
   *
   * @throws what `load` throws, {@link CacheLoadTimeoutError}, and the reason of `signal`.
   */
  getOrLoad(key: string, load: Load, options: LoadOptions): Promise<Uint8Array>

  /** Forgets everything under a tag, for every process. False: the cache is away, and knows nothing of it. */
  invalidateTag(tag: string): Promise<boolean>

  /**
   * Takes tokens of a bucket that all processes share: what they take together stays within what comes into it. A bucket that
   * is lost is full again. undefined: the cache is away, and nobody can tell.
   */
  takeTokens(key: string, request: TokenRequest): Promise<TokenGrant | undefined>

  /** Tells every subscriber of `channel`, this process included. At most once; false: nobody was told. */
  publish(channel: string, message: string): Promise<boolean>

  /**
   * Calls `handler` for each message until what is returned is disposed of. It survives lost connections, and the
   * handler is then told `missed: true`; so it is when the cache was away at the start.
   */
  subscribe(channel: string, handler: (notice: Notice) => void): Promise<AsyncDisposable>

  /** Counters since the start, and the state now. */
  stats(): CacheStats
}

/** The longest time to live: 30 days, in milliseconds. */
export const MAXIMUM_TTL_MS = 2_592_000_000
