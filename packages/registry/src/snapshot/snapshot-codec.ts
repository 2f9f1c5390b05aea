import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { deflate, inflate } from 'node:zlib'

/** Seals what must neither be read nor be changed; `KeyRing.sealer` of `access` has the real one. */
export interface SnapshotSealer {
  seal(plaintext: Uint8Array, associatedData: string): Uint8Array
  /** @throws when it was not sealed here, for this. */
  open(sealed: Uint8Array, associatedData: string): Uint8Array
}

/** A snapshot that cannot be used. The message says why, and nothing of what is in it. */
export class SnapshotError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SnapshotError'
  }
}

export interface SnapshotCodecOptions {
  readonly sealer: SnapshotSealer
  /** Which database it is a snapshot of, without a password. One of another database is not taken. */
  readonly database: string
  /** The most bytes of a snapshot, before it is made smaller. Default 256 MiB. */
  readonly maxBytes?: number | undefined
}

/**
 * To be raised with every change of what is in a snapshot that an older or newer version could misread. It is a cache: one of
 * another format is left aside, and written anew when the database is there.
 */
const FORMAT = 1
const HEAD = /^mreg-snapshot (\d{1,9}) ([0-9a-f]{16})$/u
const MAX_HEAD_BYTES = 64

const deflated = promisify<Uint8Array, object, Buffer>(deflate)
const inflated = promisify<Uint8Array, object, Buffer>(inflate)

/** Snapshots as bytes: one line that says of what and in which format, then the rest, compressed and sealed. */
export class SnapshotCodec {
  readonly #sealer: SnapshotSealer
  readonly #database: string
  readonly #maxBytes: number

  constructor({ sealer, database, maxBytes = 268_435_456 }: SnapshotCodecOptions) {
    this.#sealer = sealer
    this.#database = createHash('sha256').update(database).digest('hex').slice(0, 16)
    this.#maxBytes = maxBytes
  }

  /**
   * @param name what it is a snapshot of; it opens under no other name.
   * @param value anything that can be cloned structurally.
   * @throws {SnapshotError} it is too large.
   */
  async encode(name: string, value: unknown): Promise<Uint8Array> {
    const bytes = serialize(value)
    if (bytes.length > this.#maxBytes)
      throw new SnapshotError(`it would have ${bytes.length} bytes; ${this.#maxBytes} are the most`)
    const head = `mreg-snapshot ${FORMAT} ${this.#database}`
    const sealed = this.#sealer.seal(await deflated(bytes, { level: 1 }), `${head} ${name}`)
    return Buffer.concat([Buffer.from(`${head}\n`), sealed])
  }

  /** @throws {SnapshotError} it is none of ours, or damaged. */
  async decode<Value>(name: string, bytes: Uint8Array): Promise<Value> {
    const end = bytes.subarray(0, MAX_HEAD_BYTES).indexOf(0x0a)
    const head = Buffer.from(bytes.subarray(0, Math.max(0, end))).toString('latin1')
    const [, format, database] = HEAD.exec(head) ?? []
    if (format === undefined) throw new SnapshotError('it is not a snapshot')
    if (Number(format) !== FORMAT)
      throw new SnapshotError(`it has the format ${format}, and this version reads ${FORMAT}`)
    if (database !== this.#database) throw new SnapshotError('it is of another database')
    try {
      const opened = this.#sealer.open(bytes.subarray(end + 1), `${head} ${name}`)
      const value: unknown = deserialize(await inflated(opened, { maxOutputLength: this.#maxBytes }))
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- authenticated: `encode` wrote it
      return value as Value
    } catch (error) {
      throw new SnapshotError(error instanceof Error ? error.message : String(error), { cause: error })
    }
  }
}
