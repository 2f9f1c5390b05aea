import { randomUUID } from 'node:crypto'

import { MAXIMUM_TTL_MS } from '../cache.ts'
import type { EntryStore, Expected, StoredEntry, WriteOptions } from '../entry-store.ts'
import { decodeEntry, encodeEntry, type EntryHeader } from './entry-codec.ts'
import type { RedisArgument } from './redis-client.ts'
import type { RedisConnection } from './redis-connection.ts'

/** Versions live longer than any entry that names them. */
const VERSION_TTL_MS = String(3 * MAXIMUM_TTL_MS)

/** Entries in Redis: `e:` and the key; versions of tags: `t:` and the tag; both after the prefix. */
export class RedisStore implements EntryStore {
  readonly #connection: RedisConnection
  readonly #prefix: string

  constructor(connection: RedisConnection, prefix: string) {
    this.#connection = connection
    this.#prefix = prefix
  }

  async read(key: string, expected: Expected): Promise<StoredEntry | null | undefined> {
    // Sent in one go: what the header will probably ask for comes with it.
    const asked = [
      this.#send('GET', this.#entryKey(key)),
      expected.stale ? this.#send('PTTL', this.#entryKey(key)) : undefined,
      expected.tags.length > 0 ? this.#sendTags(expected.tags) : undefined,
    ] as const
    const reply = await asked[0]
    if (reply === undefined) return undefined
    if (!(reply instanceof Buffer)) return null
    const entry = decodeEntry(reply)
    if (entry === undefined) return null
    const { header, value } = entry
    const [remaining, versions] = await Promise.all([
      header.staleMs > 0 ? (asked[1] ?? this.#send('PTTL', this.#entryKey(key))) : header.staleMs + 1,
      this.#versionsFor(header, expected, asked[2]),
    ])
    if (remaining === undefined || versions === undefined) return undefined
    if (!header.versions.every((version, index) => version === versions[index])) return null
    // -2: it is gone by now.
    if (typeof remaining !== 'number' || remaining < 0) return null
    return { value, staleForMs: header.staleMs === 0 ? 0 : header.staleMs - remaining + 1 }
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
    return (await this.#send('SET', this.#entryKey(key), entry, 'PX', keptMs)) !== undefined
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#send('UNLINK', this.#entryKey(key))) !== undefined
  }

  async invalidateTag(tag: string): Promise<boolean> {
    return (await this.#send('SET', this.#tagKey(tag), randomUUID(), 'PX', VERSION_TTL_MS)) !== undefined
  }

  async #versionsFor(
    { tags }: EntryHeader,
    expected: Expected,
    asked: Promise<readonly (string | undefined)[] | undefined> | undefined,
  ): Promise<readonly (string | undefined)[] | undefined> {
    if (tags.length === 0) return []
    const isAsExpected =
      tags.length === expected.tags.length && tags.every((tag, index) => tag === expected.tags[index])
    return isAsExpected && asked !== undefined ? asked : this.#sendTags(tags)
  }

  async #sendTags(tags: readonly string[]): Promise<readonly (string | undefined)[] | undefined> {
    const reply = await this.#send('MGET', ...tags.map((tag) => this.#tagKey(tag)))
    if (!Array.isArray(reply)) return undefined
    return reply.map((version: unknown) => (version instanceof Buffer ? version.toString() : undefined))
  }

  async #send(...words: readonly RedisArgument[]): Promise<unknown> {
    return this.#connection.command((client) => client.sendCommand(words))
  }

  #entryKey(key: string): string {
    return `${this.#prefix}e:${key}`
  }

  #tagKey(tag: string): string {
    return `${this.#prefix}t:${tag}`
  }
}
