import type { Logger } from '@mreg/core'

import { type SnapshotCodec, SnapshotError } from './snapshot-codec.ts'
import type { SnapshotPlace } from './snapshot-place.ts'

export interface SnapshotWriterOptions {
  readonly codec: SnapshotCodec
  /** Read in this order. */
  readonly places: readonly SnapshotPlace[]
  /** At least so long between two times that something is written, in milliseconds. Default 1000. */
  readonly pauseMs?: number | undefined
  readonly logger: Logger
}

/** What is to be written. */
export interface SnapshotContent {
  /** Says what is in it: two of the same stamp are the same. */
  readonly stamp: string
  readonly value: unknown
}

/** Gives what is to be written; undefined: nothing any more. */
type Content = () => Promise<SnapshotContent | undefined>

/** Writing is to take no more than this share of the time. */
const MAX_SHARE = 0.05

/**
 * Writes snapshots behind the back of whoever changes what they are of: not more often than is good, and each time what is true
 * then. A place that cannot be written is told of once, and is tried again with the next change.
 */
export class SnapshotWriter implements AsyncDisposable {
  readonly #options: SnapshotWriterOptions
  readonly #pending = new Map<string, Content>()
  readonly #failing = new Set<SnapshotPlace>()
  readonly #unusable = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> | undefined
  #tookMs = 0
  #isClosed = false

  constructor(options: SnapshotWriterOptions) {
    this.#options = options
  }

  /** Whether everything that was to be written is. */
  get isUpToDate(): boolean {
    return this.#pending.size === 0 && this.#failing.size === 0
  }

  /** Writes it soon. What was to be written under the name before is not. */
  put(name: string, content: Content): void {
    if (this.#options.places.length === 0) return
    this.#pending.set(name, content)
    this.#begin()
  }

  /** Removes it soon. */
  drop(name: string): void {
    this.put(name, () => Promise.resolve(undefined))
  }

  /** What was written last under a name, of each place that has something usable. */
  async read<Value>(name: string): Promise<readonly Value[]> {
    const { codec, places } = this.#options
    const found = await Promise.all(
      places.map(async (place) => {
        const bytes = await place.read(name)
        if (bytes === undefined) return []
        try {
          return [await codec.decode<Value>(name, bytes)]
        } catch (error) {
          this.#tellUnusable(name, place, error)
          return []
        }
      }),
    )
    return found.flat()
  }

  /** Writes what is still to be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#writing
    await this.#writeAll()
  }

  /** Once: it may be looked at again and again until the database is there. */
  #tellUnusable(name: string, place: SnapshotPlace, error: unknown): void {
    const key = `${place.name} ${name}`
    if (this.#unusable.has(key)) return
    this.#unusable.add(key)
    const reason = error instanceof Error ? error.message : String(error)
    const fields = { snapshot: name, place: place.name, reason }
    this.#options.logger.warn('a snapshot cannot be used and is left aside', fields)
  }

  #begin(): void {
    if (this.#isClosed || this.#timer !== undefined || this.#writing !== undefined) return
    const pauseMs = Math.max(this.#options.pauseMs ?? 1000, this.#tookMs / MAX_SHARE)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#writing = this.#writeAll().finally(() => {
        this.#writing = undefined
        if (this.#pending.size > 0) this.#begin()
      })
    }, pauseMs)
    this.#timer.unref()
  }

  async #writeAll(): Promise<void> {
    const begun = performance.now()
    const all = [...this.#pending]
    this.#pending.clear()
    for (const [name, content] of all) await this.#write(name, await content())
    this.#tookMs = performance.now() - begun
  }

  async #write(name: string, content: SnapshotContent | undefined): Promise<void> {
    const { codec, logger, places } = this.#options
    let bytes: Uint8Array | undefined
    try {
      bytes = content && (await codec.encode(name, content.value))
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error
      logger.warn('a snapshot is too large to be kept', { snapshot: name, reason: error.message })
    }
    for (const place of places) {
      try {
        await (bytes === undefined ? place.remove(name) : place.write(name, bytes, content?.stamp ?? ''))
        this.#failing.delete(place)
      } catch (error) {
        if (this.#failing.has(place)) continue
        this.#failing.add(place)
        logger.warn('snapshots cannot be written; the gateway goes on without', { place: place.name, error })
      }
    }
  }
}
