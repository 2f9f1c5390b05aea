import { randomUUID } from 'node:crypto'

import { type Cache, cacheKey } from '@mreg/cache'

import type { SnapshotPlace } from './snapshot-place.ts'

const DAY_MS = 86_400_000
/** A snapshot that nobody writes for so long is of an installation that is gone. */
const LIFETIME_MS = 14 * DAY_MS
/** What is the same is written again after so long, lest it be forgotten. */
const REFRESH_MS = DAY_MS
/** Of one value: smaller than any cache's limit. */
const PART_BYTES = 1_048_576
/** Of one snapshot; a larger one is not kept here. */
const MAX_PARTS = 64

/** Which parts are whose. */
interface Index {
  readonly stamp: string
  readonly id: string
  readonly parts: number
  /** In milliseconds since 1970. */
  readonly writtenAt: number
}

/** Snapshots in what the processes of an installation share: for one that has no disk. Any of them may write. */
export class SnapshotCache implements SnapshotPlace {
  readonly name = 'shared cache'
  readonly #cache: Pick<Cache, 'get' | 'set' | 'delete'>

  constructor(cache: Pick<Cache, 'get' | 'set' | 'delete'>) {
    this.#cache = cache
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    const index = await this.#index(name)
    if (index === undefined) return undefined
    const keys = partKeys(name, index)
    const parts = await Promise.all(keys.map((key) => this.#cache.get(key)))
    const whole = parts.filter((part) => part !== undefined)
    // Somebody may have written another one meanwhile: then the next look finds it.
    return whole.length === parts.length ? Buffer.concat(whole) : undefined
  }

  async write(name: string, bytes: Uint8Array, stamp: string): Promise<void> {
    const before = await this.#index(name)
    if (before?.stamp === stamp && Date.now() - before.writtenAt < REFRESH_MS) return
    const parts = Math.ceil(bytes.length / PART_BYTES)
    if (parts > MAX_PARTS)
      throw new Error(`it has ${bytes.length} bytes; ${MAX_PARTS * PART_BYTES} are the most`)
    const index: Index = { stamp, id: randomUUID(), parts, writtenAt: Date.now() }
    for (const [number, key] of partKeys(name, index).entries())
      await this.#set(key, bytes.subarray(number * PART_BYTES, (number + 1) * PART_BYTES))
    await this.#set(cacheKey('snapshot', name), Buffer.from(JSON.stringify(index)))
    if (before !== undefined) for (const key of partKeys(name, before)) await this.#cache.delete(key)
  }

  async remove(name: string): Promise<void> {
    const index = await this.#index(name)
    await this.#cache.delete(cacheKey('snapshot', name))
    if (index !== undefined) for (const key of partKeys(name, index)) await this.#cache.delete(key)
  }

  async #set(key: string, value: Uint8Array): Promise<void> {
    if (!(await this.#cache.set(key, value, { ttlMs: LIFETIME_MS }))) throw new Error('it is away')
  }

  async #index(name: string): Promise<Index | undefined> {
    const bytes = await this.#cache.get(cacheKey('snapshot', name))
    if (bytes === undefined) return undefined
    try {
      const index: unknown = JSON.parse(Buffer.from(bytes).toString())
      return isIndex(index) ? index : undefined
    } catch {
      return undefined
    }
  }
}

const partKeys = (name: string, { id, parts }: Index): readonly string[] =>
  Array.from({ length: parts }, (_, number) => cacheKey('snapshot', name, id, number))

/** Who shares the cache may have written anything. */
const isIndex = (value: unknown): value is Index =>
  typeof value === 'object' &&
  value !== null &&
  'stamp' in value &&
  typeof value.stamp === 'string' &&
  'id' in value &&
  typeof value.id === 'string' &&
  'parts' in value &&
  Number.isInteger(value.parts) &&
  Number(value.parts) >= 1 &&
  Number(value.parts) <= MAX_PARTS &&
  'writtenAt' in value &&
  typeof value.writtenAt === 'number'
