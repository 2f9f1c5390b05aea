import { LRUCache } from 'lru-cache'

import { entryBytes } from '../entry-bytes.ts'
import type { EntryStore, StoredEntry, WriteOptions } from '../entry-store.ts'
import type { TokenGrant, TokenRequest } from '../tokens.ts'
import { MemoryBuckets } from './memory-buckets.ts'

interface MemoryEntry {
  readonly value: Uint8Array
  readonly goodUntil: number
  readonly keptUntil: number
  readonly tags: readonly string[]
  readonly versions: readonly string[]
}

export interface MemoryStoreOptions {
  readonly maxEntries: number
  readonly maxBytes: number
  readonly now: () => number
}

/** Entries in this process; the ones used least recently make room. */
export class MemoryStore implements EntryStore {
  readonly #entries: LRUCache<string, MemoryEntry>
  readonly #tags: LRUCache<string, string>
  readonly #buckets: MemoryBuckets
  readonly #maxBytes: number
  readonly #now: () => number
  #nextVersion = 0
  #closed = false

  constructor({ maxEntries, maxBytes, now }: MemoryStoreOptions) {
    this.#entries = new LRUCache({ max: maxEntries, maxSize: maxBytes, sizeCalculation: sizeOf })
    this.#tags = new LRUCache({ max: maxEntries })
    this.#buckets = new MemoryBuckets({ maxEntries, now })
    this.#maxBytes = maxBytes
    this.#now = now
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#entries.calculatedSize
  }

  async read(key: string): Promise<StoredEntry | null | undefined> {
    if (this.#closed) return undefined
    const entry = this.#entries.get(key)
    if (entry === undefined) return null
    const now = this.#now()
    if (now >= entry.keptUntil || !this.#holds(entry)) {
      this.#entries.delete(key)
      return null
    }
    // At the very end of its time it is past it.
    return { value: entry.value, staleForMs: now < entry.goodUntil ? 0 : now - entry.goodUntil + 1 }
  }

  async versions(tags: readonly string[]): Promise<readonly string[] | undefined> {
    return this.#closed ? undefined : tags.map((tag) => this.#tags.get(tag) ?? this.#renew(tag))
  }

  async write(
    key: string,
    value: Uint8Array,
    { ttlMs, staleMs, tags, versions }: WriteOptions,
  ): Promise<boolean> {
    if (this.#closed) return false
    const goodUntil = this.#now() + ttlMs
    const entry: MemoryEntry = {
      value: value.slice(),
      goodUntil,
      keptUntil: goodUntil + staleMs,
      tags: [...tags],
      versions,
    }
    this.#entries.delete(key)
    if (sizeOf(entry, key) > this.#maxBytes) return false
    this.#entries.set(key, entry)
    return true
  }

  async delete(key: string): Promise<boolean> {
    this.#entries.delete(key)
    return !this.#closed
  }

  async invalidateTag(tag: string): Promise<boolean> {
    this.#renew(tag)
    return !this.#closed
  }

  async takeTokens(key: string, request: TokenRequest): Promise<TokenGrant | undefined> {
    return this.#closed ? undefined : this.#buckets.take(key, request)
  }

  close(): void {
    this.#closed = true
    this.#buckets.clear()
    this.#entries.clear()
    this.#tags.clear()
  }

  #holds({ tags, versions }: MemoryEntry): boolean {
    return tags.every((tag, index) => this.#tags.get(tag) === versions[index])
  }

  #renew(tag: string): string {
    this.#nextVersion += 1
    const version = String(this.#nextVersion)
    this.#tags.set(tag, version)
    return version
  }
}

const sizeOf = ({ value, tags }: MemoryEntry, key: string): number => entryBytes(key, value, tags)
