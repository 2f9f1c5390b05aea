const FIRST_SLOTS = 64
const EMPTY = 0

/** A quote in a decoded key. UTF-8 has no such byte, so that a raw key, which ends at its quote, never meets it. */
const DECODED_QUOTE = 0xff
const QUOTE = 0x22

/**
 * The keys of one object with many keys. A JavaScript Set of strings would do, but takes microseconds a key when there
 * are a million, and an attacker's million must not stop the process for seconds. The hash has a secret seed, so that
 * nobody can make keys collide on purpose.
 */
export class KeyTable {
  readonly #bytes: Uint8Array
  readonly #seed = Math.trunc(Math.random() * 2 ** 32) | 0
  /**
   * Pairs of numbers, side by side to be read together: where the key of a slot starts (offset + 1 in the message, or
   * -(offset + 1) in the decoded keys, or EMPTY), and its hash.
   */
  #slots = new Int32Array(FIRST_SLOTS * 2)
  #count = 0
  /** Keys that were written with escapes, each as its bytes and a quote. */
  #decoded = new Uint8Array(0)
  #decodedLength = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Adds the raw key that starts at an offset and ends at the next quote; false when the table has it. */
  addRaw(start: number): boolean {
    return this.#add(this.#bytes, start, start + 1)
  }

  /** Adds a key that was written with escapes; false when the table has it. */
  addDecoded(key: string): boolean {
    const start = this.#decodedLength
    this.#writeDecoded(key)
    const isNew = this.#add(this.#decoded, start, -(start + 1))
    if (!isNew) this.#decodedLength = start
    return isNew
  }

  #add(source: Uint8Array, start: number, reference: number): boolean {
    let hash = this.#seed
    for (let at = start; source[at] !== QUOTE; at++) hash = Math.imul(hash ^ source[at]!, 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    hash ^= hash >>> 12
    const slots = this.#slots
    const mask = slots.length - 2
    let slot = (hash << 1) & mask
    for (let other = slots[slot]!; other !== EMPTY; other = slots[slot]!) {
      if (slots[slot + 1] === hash && this.#isSame(source, start, other)) return false
      slot = (slot + 2) & mask
    }
    slots[slot] = reference
    slots[slot + 1] = hash
    this.#count++
    if (this.#count * 4 > slots.length) this.#grow()
    return true
  }

  #isSame(source: Uint8Array, start: number, other: number): boolean {
    const otherSource = other > 0 ? this.#bytes : this.#decoded
    let otherAt = Math.abs(other) - 1
    for (let at = start; source[at] === otherSource[otherAt]; at++, otherAt++)
      if (source[at] === QUOTE) return true
    return false
  }

  #grow(): void {
    const old = this.#slots
    const slots = new Int32Array(old.length * 2)
    const mask = slots.length - 2
    for (let index = 0; index < old.length; index += 2) {
      if (old[index] === EMPTY) continue
      let slot = (old[index + 1]! << 1) & mask
      while (slots[slot] !== EMPTY) slot = (slot + 2) & mask
      slots[slot] = old[index]!
      slots[slot + 1] = old[index + 1]!
    }
    this.#slots = slots
  }

  /** Appends a key as UTF-8 and a quote. A lone surrogate is written like any other code point of its size. */
  #writeDecoded(key: string): void {
    this.#reserveDecoded(key.length * 3 + 1)
    for (const character of key) {
      const point = character.codePointAt(0)!
      if (point === QUOTE) {
        this.#writeByte(DECODED_QUOTE)
      } else if (point < 0x80) {
        this.#writeByte(point)
      } else {
        if (point < 0x800) {
          this.#writeByte(0xc0 | (point >> 6))
        } else {
          if (point < 0x10000) {
            this.#writeByte(0xe0 | (point >> 12))
          } else {
            this.#writeByte(0xf0 | (point >> 18))
            this.#writeByte(0x80 | ((point >> 12) & 0x3f))
          }
          this.#writeByte(0x80 | ((point >> 6) & 0x3f))
        }
        this.#writeByte(0x80 | (point & 0x3f))
      }
    }
    this.#writeByte(QUOTE)
  }

  #writeByte(byte: number): void {
    this.#decoded[this.#decodedLength++] = byte
  }

  #reserveDecoded(more: number): void {
    if (this.#decodedLength + more <= this.#decoded.length) return
    const grown = new Uint8Array(Math.max(this.#decodedLength + more, this.#decoded.length * 2))
    grown.set(this.#decoded.subarray(0, this.#decodedLength))
    this.#decoded = grown
  }
}
