const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENINGS: ReadonlySet<number> = new Set([0x7b, 0x5b])
const CLOSINGS: ReadonlySet<number> = new Set([0x7d, 0x5d])
const COLON = 0x3a
const COMMA = 0x2c
const MINUS = 0x2d

/**
 * Finds the number that the member "id" of a JSON object has, in bytes that pass by and are not kept. It is for messages
 * that are too large to be read, to learn which request they answer. What is not JSON gives anything or nothing.
 */
export class TopLevelId {
  #depth = 0
  #inString = false
  #escaped = false
  #atKey = true
  /** The key, or the digits of the value, that is being read at the top level. */
  #text = ''
  #isId = false
  #id: number | undefined

  /** The id; undefined when none came so far, or one that is no whole number. */
  get id(): number | undefined {
    return this.#id
  }

  push(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (this.#inString) this.#string(byte)
      else this.#structure(byte)
    }
  }

  #string(byte: number): void {
    if (this.#escaped) this.#escaped = false
    else if (byte === BACKSLASH) this.#escaped = true
    else if (byte === QUOTE) this.#inString = false
    if (this.#inString && this.#depth === 1 && this.#atKey && this.#text.length < 8) {
      this.#text += String.fromCharCode(byte)
    }
  }

  #structure(byte: number): void {
    if (byte === QUOTE) {
      this.#inString = true
      if (this.#atKey) this.#text = ''
    } else if (OPENINGS.has(byte)) {
      this.#depth += 1
    } else if (CLOSINGS.has(byte)) {
      if (this.#depth === 1) this.#endValue()
      this.#depth -= 1
    } else if (this.#depth === 1) {
      this.#member(byte)
    }
  }

  #member(byte: number): void {
    if (byte === COLON) {
      this.#isId = this.#text === 'id'
      this.#atKey = false
      this.#text = ''
    } else if (byte === COMMA) {
      this.#endValue()
    } else if (this.#isId && ((byte >= 0x30 && byte <= 0x39) || byte === MINUS) && this.#text.length < 16) {
      this.#text += String.fromCharCode(byte)
    }
  }

  #endValue(): void {
    if (this.#isId && this.#text !== '') this.#id = Number(this.#text)
    this.#isId = false
    this.#atKey = true
    this.#text = ''
  }
}
