import { LRUCache } from 'lru-cache'

import { entryBytes } from '../entry-bytes.ts'
import type { DecodedEntry } from './entry-codec.ts'

/** An entry that Redis gave, and how much of its time is left. */
export interface TimedEntry extends DecodedEntry {
  /** Until Redis forgets it, in milliseconds. */
  readonly remainingMs: number
}

interface Copy extends DecodedEntry {
  /** When Redis forgets it, or a little earlier. */
  readonly goneAtMs: number
}

/** A question to Redis that is under way; shared by all who ask the same meanwhile. */
export interface Reading {
  readonly name: string
  /** What is answered may be older than a change that we know of: it must not be kept. */
  changed: boolean
  readers: number
}

export interface LocalCopiesOptions {
  readonly maxEntries: number
  readonly maxBytes: number
}

/**
 * Copies of entries and versions that Redis gave, good until Redis says that they changed (client-side caching,
 * https://redis.io/docs/latest/develop/reference/client-side-caching/). An answer and the news that it is outdated may
 * come in one packet, and be heard in the other order: so what is read is announced before it is asked for, and only
 * what did not change meanwhile is kept.
 */
export class LocalCopies {
  readonly #entries: LRUCache<string, Copy>
  readonly #versions: LRUCache<string, string>
  readonly #readings = new Map<string, Reading>()
  #hits = 0

  constructor({ maxEntries, maxBytes }: LocalCopiesOptions) {
    this.#entries = new LRUCache({
      max: maxEntries,
      maxSize: maxBytes,
      sizeCalculation: ({ header, value }, name) => entryBytes(name, value, header.tags),
    })
    this.#versions = new LRUCache({ max: maxEntries })
  }

  /** Counters since the start, and the state now. */
  get stats(): { readonly localHits: number; readonly localEntries: number; readonly localBytes: number } {
    return {
      localHits: this.#hits,
      localEntries: this.#entries.size,
      localBytes: this.#entries.calculatedSize,
    }
  }

  /** Counts a read that needed no round trip. */
  countHit(): void {
    this.#hits += 1
  }

  entry(name: string): TimedEntry | undefined {
    const copy = this.#entries.get(name)
    if (copy === undefined) return undefined
    const remainingMs = copy.goneAtMs - performance.now()
    if (remainingMs > 0) return { header: copy.header, value: copy.value, remainingMs }
    this.#entries.delete(name)
    return undefined
  }

  version(name: string): string | undefined {
    return this.#versions.get(name)
  }

  /** To be called before Redis is asked; {@link LocalCopies.end} belongs to it. */
  begin(name: string): Reading {
    const reading = this.#readings.get(name) ?? { name, changed: false, readers: 0 }
    this.#readings.set(name, reading)
    reading.readers += 1
    return reading
  }

  end(reading: Reading): void {
    reading.readers -= 1
    if (reading.readers === 0 && this.#readings.get(reading.name) === reading) {
      this.#readings.delete(reading.name)
    }
  }

  /** @param askedAtMs - `performance.now()` when Redis was asked: time that passed since counts as past. */
  keepEntry(reading: Reading, { header, value, remainingMs }: TimedEntry, askedAtMs: number): void {
    if (reading.changed || remainingMs <= 0) return
    // A copy of its own: a view would hold the whole packet in memory.
    this.#entries.set(reading.name, { header, value: value.slice(), goneAtMs: askedAtMs + remainingMs })
  }

  keepVersion(reading: Reading, version: string): void {
    if (!reading.changed) this.#versions.set(reading.name, version)
  }

  /** `name` has changed, or is about to be changed by us. */
  forget(name: string): void {
    this.#entries.delete(name)
    this.#versions.delete(name)
    const reading = this.#readings.get(name)
    if (reading === undefined) return
    reading.changed = true
    this.#readings.delete(name)
  }

  /** Nobody tells us of changes any more. */
  forgetAll(): void {
    this.#entries.clear()
    this.#versions.clear()
    for (const reading of this.#readings.values()) reading.changed = true
    this.#readings.clear()
  }
}
