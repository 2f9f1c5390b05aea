import { randomUUID } from 'node:crypto'

import { MAXIMUM_TTL_MS } from '../cache.ts'
import type { EntryStore, Expected, StoredEntry, WriteOptions } from '../entry-store.ts'
import type { TokenGrant, TokenRequest } from '../tokens.ts'
import { decodeEntry, encodeEntry, type EntryHeader } from './entry-codec.ts'
import type { LocalCopies, TimedEntry } from './local-copies.ts'
import type { RedisArgument } from './redis-client.ts'
import type { SendCommand } from './redis-connection.ts'
import { takeTokens } from './take-tokens.ts'
import { TrackedReads } from './tracked-reads.ts'

/** Versions live longer than any entry that names them. */
const VERSION_TTL_MS = String(3 * MAXIMUM_TTL_MS)

/** Versions as they are now; undefined: Redis is away. */
type Versions = readonly (string | undefined)[] | undefined

/** Entries in Redis: `e:` and the key; versions of tags: `t:` and the tag; buckets of tokens: `b:` and the key; all after the prefix. */
export class RedisStore implements EntryStore {
  readonly #send: SendCommand
  readonly #prefix: string
  readonly #copies: LocalCopies | undefined
  readonly #tracked: TrackedReads | undefined

  /** @param copies - what this process may keep of what it read. Default: nothing. */
  constructor(send: SendCommand, prefix: string, copies?: LocalCopies) {
    this.#send = send
    this.#prefix = prefix
    this.#copies = copies
    this.#tracked = copies && new TrackedReads(send, copies)
  }

  async read(key: string, expected: Expected): Promise<StoredEntry | null | undefined> {
    const name = this.#entryKey(key)
    const copies = this.#copies
    if (copies === undefined || this.#tracked === undefined) return this.#readOnce(name, expected)
    const copy = copies.entry(name)
    const asked = copy === undefined && expected.tags.length > 0 ? this.#versions(expected.tags) : undefined
    const entry = copy ?? (await this.#tracked.entry(name))
    if (!entry) return entry
    const versions = this.#versionsFor(entry.header, expected, asked)
    if (versions instanceof Promise) return judge(entry, await versions)
    if (copy !== undefined) copies.countHit()
    return judge(entry, versions)
  }

  async versions(tags: readonly string[]): Promise<readonly string[] | undefined> {
    for (const tag of tags) {
      void this.#send('SET', this.#tagKey(tag), randomUUID(), 'NX', 'PX', VERSION_TTL_MS)
    }
    const versions = await this.#sendTags(tags)
    return versions?.every((version) => version !== undefined) ? versions : undefined
  }

  async write(
    key: string,
    value: Uint8Array,
    { ttlMs, staleMs, tags, versions }: WriteOptions,
  ): Promise<boolean> {
    const entry = encodeEntry(value, { staleMs, tags, versions })
    const keptMs = String(Math.ceil(ttlMs + staleMs))
    return this.#change('SET', this.#entryKey(key), entry, 'PX', keptMs)
  }

  async delete(key: string): Promise<boolean> {
    return this.#change('UNLINK', this.#entryKey(key))
  }

  async invalidateTag(tag: string): Promise<boolean> {
    return this.#change('SET', this.#tagKey(tag), randomUUID(), 'PX', VERSION_TTL_MS)
  }

  async takeTokens(key: string, request: TokenRequest): Promise<TokenGrant | undefined> {
    return takeTokens(this.#send, `${this.#prefix}b:${key}`, request)
  }

  /** Sent in one go: what the header will probably ask for comes with the entry. */
  async #readOnce(name: string, expected: Expected): Promise<StoredEntry | null | undefined> {
    const asked = [
      this.#send('GET', name),
      expected.stale ? this.#send('PTTL', name) : undefined,
      expected.tags.length > 0 ? this.#sendTags(expected.tags) : undefined,
    ] as const
    const reply = await asked[0]
    if (reply === undefined) return undefined
    const entry = reply instanceof Buffer ? decodeEntry(reply) : undefined
    if (entry === undefined) return null
    const { header } = entry
    const [remainingMs, versions] = await Promise.all([
      header.staleMs > 0 ? (asked[1] ?? this.#send('PTTL', name)) : 1,
      this.#versionsFor(header, expected, asked[2]),
    ])
    if (remainingMs === undefined) return undefined
    // -2: it is gone by now.
    if (typeof remainingMs !== 'number' || remainingMs < 0) return null
    return judge({ ...entry, remainingMs }, versions)
  }

  #versionsFor(
    { tags }: EntryHeader,
    expected: Expected,
    asked: Versions | Promise<Versions>,
  ): Versions | Promise<Versions> {
    if (tags.length === 0) return []
    const isAsExpected =
      tags.length === expected.tags.length && tags.every((tag, index) => tag === expected.tags[index])
    return isAsExpected && asked !== undefined ? asked : this.#versions(tags)
  }

  #versions(tags: readonly string[]): Versions | Promise<Versions> {
    if (this.#tracked === undefined) return this.#sendTags(tags)
    return this.#tracked.versions(tags.map((tag) => this.#tagKey(tag)))
  }

  async #sendTags(tags: readonly string[]): Promise<Versions> {
    const reply = await this.#send('MGET', ...tags.map((tag) => this.#tagKey(tag)))
    if (!Array.isArray(reply)) return undefined
    return reply.map((version: unknown) => (version instanceof Buffer ? version.toString() : undefined))
  }

  /** Who reads after a change of ours does not get a copy of before it, nor keeps one that is under way. */
  async #change(command: string, name: string, ...rest: readonly RedisArgument[]): Promise<boolean> {
    this.#copies?.forget(name)
    const reply = await this.#send(command, name, ...rest)
    this.#copies?.forget(name)
    return reply !== undefined
  }

  #entryKey(key: string): string {
    return `${this.#prefix}e:${key}`
  }

  #tagKey(tag: string): string {
    return `${this.#prefix}t:${tag}`
  }
}

/** What an entry is worth, with the versions of its tags as they are now. */
const judge = (entry: TimedEntry, versions: Versions): StoredEntry | null | undefined => {
  const { header, value, remainingMs } = entry
  if (versions === undefined) return undefined
  if (!header.versions.every((version, index) => version === versions[index])) return null
  return { value, staleForMs: header.staleMs === 0 ? 0 : header.staleMs - remainingMs + 1 }
}
