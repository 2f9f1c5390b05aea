import type { TokenGrant, TokenRequest } from './tokens.ts'

/** What a store has under a key. */
export interface StoredEntry {
  readonly value: Uint8Array
  /** For how many milliseconds it is no longer good; 0 or less: it is good. */
  readonly staleForMs: number
}

/** What a reader expects, so that it can be asked for in one round trip. It may prove wrong. */
export interface Expected {
  readonly tags: readonly string[]
  readonly stale: boolean
}

/** How an entry is written. */
export interface WriteOptions {
  readonly ttlMs: number
  /** How long it is kept past its time, in milliseconds. */
  readonly staleMs: number
  readonly tags: readonly string[]
  /** What {@link EntryStore.versions} said of the tags, before the value came to be. */
  readonly versions: readonly string[]
}

/**
 * Where entries are. Nothing here rejects: `undefined` and `false` say that the store is away.
 *
 * A tag has a version, which is renewed to invalidate it; an entry carries the versions that it was made under
 * and is good while they hold. So an invalidation needs no list of keys, and one that comes while a value is being
 * loaded is not lost. A version that is missing counts as changed: it may have been evicted.
 */
export interface EntryStore {
  read(key: string, expected: Expected): Promise<StoredEntry | null | undefined>
  /** The versions of these tags, made where there are none. */
  versions(tags: readonly string[]): Promise<readonly string[] | undefined>
  write(key: string, value: Uint8Array, options: WriteOptions): Promise<boolean>
  delete(key: string): Promise<boolean>
  invalidateTag(tag: string): Promise<boolean>
  /** Takes tokens of a bucket, in one step. */
  takeTokens(key: string, request: TokenRequest): Promise<TokenGrant | undefined>
}
