/** What is said of an entry before its value. */
export interface EntryHeader {
  /** How long the entry is kept past its time, in milliseconds. */
  readonly staleMs: number
  readonly tags: readonly string[]
  readonly versions: readonly string[]
}

export interface DecodedEntry {
  readonly header: EntryHeader
  readonly value: Uint8Array
}

/**
 * The first byte is the format. `PLAIN`: the value follows. `DESCRIBED`: the length of a JSON header as four bytes, big
 * end first, then the header, then the value.
 */
const PLAIN = 0x10
const DESCRIBED = 0x11
const PLAIN_HEADER: EntryHeader = { staleMs: 0, tags: [], versions: [] }

export const encodeEntry = (value: Uint8Array, header: EntryHeader): Buffer => {
  if (header.staleMs === 0 && header.tags.length === 0) return Buffer.concat([Buffer.of(PLAIN), value])
  const json = Buffer.from(JSON.stringify([header.staleMs, header.tags, header.versions]))
  const start = Buffer.alloc(5)
  start.writeUInt8(DESCRIBED, 0)
  start.writeUInt32BE(json.byteLength, 1)
  return Buffer.concat([start, json, value])
}

/** Undefined: not an entry of ours, or of another version of this package. */
export const decodeEntry = (entry: Buffer): DecodedEntry | undefined => {
  if (entry[0] === PLAIN) return { header: PLAIN_HEADER, value: bytesOf(entry, 1) }
  if (entry[0] !== DESCRIBED || entry.byteLength < 5) return undefined
  const end = 5 + entry.readUInt32BE(1)
  try {
    const header: unknown = JSON.parse(entry.toString('utf8', 5, end))
    if (!Array.isArray(header)) return undefined
    const [staleMs, tags, versions]: unknown[] = header
    if (typeof staleMs !== 'number' || !isTexts(tags) || !isTexts(versions)) return undefined
    return { header: { staleMs, tags, versions }, value: bytesOf(entry, end) }
  } catch {
    return undefined
  }
}

/** Callers get a plain Uint8Array, as they do from memory. */
const bytesOf = ({ buffer, byteOffset, byteLength }: Buffer, start: number): Uint8Array =>
  new Uint8Array(buffer, byteOffset + start, byteLength - start)

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')
