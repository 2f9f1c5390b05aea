const CR = 0x0d
const LF = 0x0a

// Within so many bytes a line end is looked for one by one; further on, the search of the platform is faster.
const NEAR_BYTES = 64

/** Finds line ends in a chunk, each byte of which is looked at a bounded number of times. */
export class LineEnds {
  readonly #chunk: Uint8Array
  /** The next of each kind that the platform's search found, as long as it lies ahead. */
  #lineFeed = -1
  #carriageReturn = -1

  constructor(chunk: Uint8Array) {
    this.#chunk = chunk
  }

  /** The offset of the first CR or LF from `start` on, or the length of the chunk. */
  next(start: number): number {
    const chunk = this.#chunk
    const near = Math.min(start + NEAR_BYTES, chunk.length)
    for (let at = start; at < near; at++) if (chunk[at] === LF || chunk[at] === CR) return at
    if (this.#lineFeed < near) this.#lineFeed = this.#find(LF, near)
    if (this.#carriageReturn < near) this.#carriageReturn = this.#find(CR, near)
    return Math.min(this.#lineFeed, this.#carriageReturn)
  }

  #find(byte: number, start: number): number {
    const found = this.#chunk.indexOf(byte, start)
    return found === -1 ? this.#chunk.length : found
  }
}
