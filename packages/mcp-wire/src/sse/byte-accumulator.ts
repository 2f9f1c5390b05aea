const FIRST_CAPACITY_BYTES = 512

// So few bytes are copied faster one by one.
const FEW_BYTES = 24

/** Bytes that grow by appending, at amortised constant cost per byte. */
export class ByteAccumulator {
  #bytes: Uint8Array = new Uint8Array(0)
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Appends `bytes` from `start` to `end`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start)
    if (end - start > FEW_BYTES) {
      this.#bytes.set(bytes.subarray(start, end), this.#length)
      this.#length += end - start
    } else {
      for (let at = start; at < end; at++) this.#bytes[this.#length++] = bytes[at]!
    }
  }

  appendByte(byte: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = byte
  }

  /** The bytes so far; the accumulator starts anew and no longer holds them. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length)
    this.#bytes = new Uint8Array(0)
    this.#length = 0
    return taken
  }

  #reserve(more: number): void {
    const length = this.#length + more
    if (length <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2, FIRST_CAPACITY_BYTES))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
