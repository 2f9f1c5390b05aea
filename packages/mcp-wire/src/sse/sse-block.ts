import { Buffer } from 'node:buffer'

import { ByteAccumulator } from './byte-accumulator.ts'
import type { SseEvent } from './sse-event.ts'

const LF = 0x0a
const COLON = 0x3a
const SPACE = 0x20

// The longest field names that mean something, `event` and `retry`, have five letters.
const MAX_NAME_BYTES = 5

/** The fields of the block of lines being read. Bytes kept are bounded by the decoder through `heldBytes`. */
export class SseBlock {
  #isEmpty = true
  #event: string | undefined
  #id: string | undefined
  #retryMs: number | undefined
  /** The data while it is one line: a view into what was pushed. */
  #line: Uint8Array | undefined
  /** The data from the second line on. */
  readonly #lines = new ByteAccumulator()
  #eventBytes = 0
  #idBytes = 0

  /** Bytes that this block makes the decoder hold. */
  get heldBytes(): number {
    return this.#eventBytes + this.#idBytes + this.#lines.length + (this.#line?.length ?? 0)
  }

  /** True while no field that means something has been read. */
  get isEmpty(): boolean {
    return this.#isEmpty
  }

  /**
   * Takes in the line (not a comment) that lies between two offsets, without its end (WHATWG HTML, section 9.2.6).
   * Keeps views of `bytes`.
   */
  readLine(bytes: Uint8Array, start: number, end: number): void {
    let nameEnd = start
    while (nameEnd < end && bytes[nameEnd] !== COLON) if (++nameEnd - start > MAX_NAME_BYTES) return
    let valueStart = nameEnd < end ? nameEnd + 1 : end
    if (valueStart < end && bytes[valueStart] === SPACE) valueStart++
    switch (nameEnd - start) {
      case 4:
        if (isName(bytes, start, 'data')) this.#readData(bytes, valueStart, end)
        break
      case 5:
        if (isName(bytes, start, 'event')) this.#readEvent(bytes, valueStart, end)
        else if (isName(bytes, start, 'retry')) this.#readRetry(bytes, valueStart, end)
        break
      case 2:
        if (isName(bytes, start, 'id')) this.#readId(bytes, valueStart, end)
        break
      default:
    }
  }

  /** Ends the block: its event, or undefined when nothing in it is of use to a client. */
  dispatch(): SseEvent | undefined {
    if (this.#isEmpty) return undefined
    const event: SseEvent = {
      event: this.#event === '' ? undefined : this.#event,
      id: this.#id,
      retryMs: this.#retryMs,
      data: this.#takeData(),
    }
    this.#isEmpty = true
    this.#event = undefined
    this.#id = undefined
    this.#retryMs = undefined
    this.#eventBytes = 0
    this.#idBytes = 0
    // An event type alone dispatches nothing and changes nothing.
    return event.data === undefined && event.id === undefined && event.retryMs === undefined
      ? undefined
      : event
  }

  #takeData(): Uint8Array | undefined {
    const data = this.#lines.length > 0 ? this.#lines.take() : this.#line
    this.#line = undefined
    return data
  }

  #readData(bytes: Uint8Array, start: number, end: number): void {
    this.#isEmpty = false
    if (this.#lines.length === 0) {
      if (this.#line === undefined) {
        this.#line = bytes.subarray(start, end)
        return
      }
      this.#lines.append(this.#line, 0, this.#line.length)
      this.#line = undefined
    }
    this.#lines.appendByte(LF)
    this.#lines.append(bytes, start, end)
  }

  #readEvent(bytes: Uint8Array, start: number, end: number): void {
    this.#isEmpty = false
    this.#eventBytes = end - start
    this.#event = text(bytes, start, end)
  }

  #readId(bytes: Uint8Array, start: number, end: number): void {
    const id = text(bytes, start, end)
    if (id.includes('\0')) return
    this.#isEmpty = false
    this.#idBytes = end - start
    this.#id = id
  }

  #readRetry(bytes: Uint8Array, start: number, end: number): void {
    const digits = text(bytes, start, end)
    const retryMs = /^[0-9]+$/.test(digits) ? Number(digits) : Number.NaN
    if (!Number.isSafeInteger(retryMs)) return
    this.#isEmpty = false
    this.#retryMs = retryMs
  }
}

function isName(bytes: Uint8Array, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    if (bytes[start + index] !== name.charCodeAt(index)) return false
  }
  return true
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')
}
