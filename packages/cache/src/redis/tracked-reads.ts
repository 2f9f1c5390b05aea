import { decodeEntry } from './entry-codec.ts'
import type { LocalCopies, TimedEntry } from './local-copies.ts'
import type { SendCommand } from './redis-connection.ts'

/** Reads that ask Redis once, and then this process until Redis says that something changed. */
export class TrackedReads {
  readonly #send: SendCommand
  readonly #copies: LocalCopies

  constructor(send: SendCommand, copies: LocalCopies) {
    this.#send = send
    this.#copies = copies
  }

  /** What is under `name`; null: no entry of ours; undefined: Redis is away. */
  async entry(name: string): Promise<TimedEntry | null | undefined> {
    const reading = this.#copies.begin(name)
    try {
      const askedAtMs = performance.now()
      const [reply, remaining] = await Promise.all([this.#send('GET', name), this.#send('PTTL', name)])
      if (reply === undefined || remaining === undefined) return undefined
      if (!(reply instanceof Buffer)) return null
      const decoded = decodeEntry(reply)
      // -2: it is gone by now.
      if (decoded === undefined || typeof remaining !== 'number' || remaining < 0) return null
      const entry = { ...decoded, remainingMs: remaining }
      this.#copies.keepEntry(reading, entry, askedAtMs)
      return entry
    } finally {
      this.#copies.end(reading)
    }
  }

  /** The versions under `names`, of this process if it has them all; undefined: Redis is away. */
  versions(
    names: readonly string[],
  ): readonly string[] | Promise<readonly (string | undefined)[] | undefined> {
    const known = names.map((name) => this.#copies.version(name))
    return known.every((version) => version !== undefined) ? known : this.#askVersions(names)
  }

  async #askVersions(names: readonly string[]): Promise<readonly (string | undefined)[] | undefined> {
    const readings = names.map((name) => this.#copies.begin(name))
    try {
      const reply = await this.#send('MGET', ...names)
      if (!Array.isArray(reply)) return undefined
      return readings.map((reading, index) => {
        const version: unknown = reply[index]
        if (!(version instanceof Buffer)) return undefined
        const text = version.toString()
        this.#copies.keepVersion(reading, text)
        return text
      })
    } finally {
      for (const reading of readings) this.#copies.end(reading)
    }
  }
}
