import { TopLevelId } from './top-level-id.ts'

const NEWLINE = 0x0a
const CARRIAGE_RETURN = 0x0d

export interface LineReaderOptions {
  /** Longest line in bytes, without its end. */
  readonly maxLineBytes: number
  /** Gets each line that is not empty. */
  readonly onLine: (line: Uint8Array) => void
  /** Gets, in place of a line over the limit, the id of the message in it, if it has one, and the length of the line. */
  readonly onOversizedLine: (id: number | undefined, lengthBytes: number) => void
}

/** Cuts a byte stream into lines. A line over the limit is not kept; the next one is read again. */
export class LineReader {
  readonly #options: LineReaderOptions
  #parts: Uint8Array[] = []
  #length = 0
  /** Set while a line over the limit passes by. */
  #oversized: TopLevelId | undefined

  constructor(options: LineReaderOptions) {
    this.#options = options
  }

  push(chunk: Uint8Array): void {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start)
      if (end === -1) break
      this.#append(chunk.subarray(start, end))
      this.#endLine()
      start = end + 1
    }
    if (start < chunk.byteLength) this.#append(chunk.subarray(start))
  }

  /** The stream is over: what came without an end of line is a line as well. */
  end(): void {
    if (this.#length > 0) this.#endLine()
  }

  #append(part: Uint8Array): void {
    this.#length += part.byteLength
    if (this.#oversized !== undefined) {
      this.#oversized.push(part)
      return
    }
    this.#parts.push(part)
    if (this.#length <= this.#options.maxLineBytes) return
    this.#oversized = new TopLevelId()
    for (const kept of this.#parts) this.#oversized.push(kept)
    this.#parts = []
  }

  #endLine(): void {
    const parts = this.#parts
    const oversized = this.#oversized
    const length = this.#length
    this.#parts = []
    this.#length = 0
    this.#oversized = undefined
    if (oversized !== undefined) {
      this.#options.onOversizedLine(oversized.id, length)
      return
    }
    const [only] = parts
    let line = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts)
    if (line.at(-1) === CARRIAGE_RETURN) line = line.subarray(0, -1)
    if (line.byteLength > 0) this.#options.onLine(line)
  }
}
