import { ByteAccumulator } from './byte-accumulator.ts'
import { LineEnds } from './line-ends.ts'
import { SseBlock } from './sse-block.ts'
import { SseEventTooLargeError } from './sse-event-too-large-error.ts'
import type { SseEvent } from './sse-event.ts'

const CR = 0x0d
const LF = 0x0a
const COLON = 0x3a
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** Options of `SseDecoder`. */
export interface SseDecoderOptions {
  /** Most bytes of one event (its fields, and the line being read) that the decoder holds. */
  readonly maxEventBytes: number
}

/**
 * Reads Server-Sent Events (WHATWG HTML, section 9.2.6) from chunks cut anywhere. An event whose data is one line that
 * lies in one chunk is given as a view of that chunk, so a chunk must not be written to while its events are in use.
 */
export class SseDecoder {
  readonly #maxEventBytes: number
  readonly #block = new SseBlock()
  /** The start of a line whose end has not come. */
  readonly #partialLine = new ByteAccumulator()
  /** The line being read is a comment: nothing of it is kept. */
  #inComment = false
  /** The last byte was CR: a LF that follows belongs to it. */
  #afterCr = false
  /** How many bytes of a byte order mark have come; 3 when the stream's start is past. */
  #markBytes = 0
  #failure: SseEventTooLargeError | undefined
  #ended = false

  /** Throws RangeError when `maxEventBytes` is not a positive integer. */
  constructor({ maxEventBytes }: SseDecoderOptions) {
    if (!Number.isSafeInteger(maxEventBytes) || maxEventBytes < 1) {
      throw new RangeError(`maxEventBytes must be a positive integer, not ${maxEventBytes}`)
    }
    this.#maxEventBytes = maxEventBytes
  }

  /** True while lines of an event have been read whose blank line has not come. Comments do not count. */
  get hasPartialEvent(): boolean {
    return !this.#ended && (this.#partialLine.length > 0 || !this.#block.isEmpty)
  }

  /**
   * Takes in the next chunk and gives the events it completes. Throws `SseEventTooLargeError`, then and ever after,
   * when an event passes the limit; events completed before it in the same chunk are given first, and the next call
   * throws.
   */
  push(chunk: Uint8Array): SseEvent[] {
    if (this.#ended) throw new TypeError('push() after end(): use a new SseDecoder for another stream')
    this.#throwFailure()
    const events: SseEvent[] = []
    let at = this.#markBytes < BYTE_ORDER_MARK.length ? this.#readMark(chunk) : 0
    if (at < chunk.length && this.#afterCr) {
      if (chunk[at] === LF) at++
      this.#afterCr = false
    }
    const lineEnds = new LineEnds(chunk)
    while (at < chunk.length && this.#failure === undefined) {
      const lineEnd = lineEnds.next(at)
      if (lineEnd === chunk.length) {
        this.#keepPartialLine(chunk, at, lineEnd)
        break
      }
      this.#endLine(chunk, at, lineEnd, events)
      at = lineEnd + 1
      if (chunk[lineEnd] === CR) {
        if (at === chunk.length) this.#afterCr = true
        else if (chunk[at] === LF) at++
      }
    }
    if (events.length === 0) this.#throwFailure()
    return events
  }

  /**
   * Ends the stream. An event that lacks its blank line is dropped, as the standard says (ask `hasPartialEvent` before).
   * Throws `SseEventTooLargeError` when the last push left it owing.
   */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#throwFailure()
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Drops a byte order mark at the very start of the stream. Gives the offset in the chunk to go on from. */
  #readMark(chunk: Uint8Array): number {
    for (let at = 0; at < chunk.length; at++) {
      if (chunk[at] !== BYTE_ORDER_MARK[this.#markBytes]) {
        // Not a mark after all: what was taken for its beginning belongs to the first line.
        const begun = this.#markBytes
        this.#markBytes = BYTE_ORDER_MARK.length
        if (begun > at) this.#keepPartialLine(Uint8Array.from(BYTE_ORDER_MARK), 0, begun - at)
        return 0
      }
      this.#markBytes++
      if (this.#markBytes === BYTE_ORDER_MARK.length) return at + 1
    }
    return chunk.length
  }

  #endLine(chunk: Uint8Array, start: number, end: number, events: SseEvent[]): void {
    if (this.#inComment) {
      this.#inComment = false
    } else if (this.#partialLine.length > 0) {
      this.#keepPartialLine(chunk, start, end)
      const line = this.#partialLine.take()
      if (this.#failure === undefined) this.#block.readLine(line, 0, line.length)
    } else if (start === end) {
      const event = this.#block.dispatch()
      if (event !== undefined) events.push(event)
    } else if (chunk[start] !== COLON && this.#fits(end - start)) {
      this.#block.readLine(chunk, start, end)
    }
  }

  #keepPartialLine(chunk: Uint8Array, start: number, end: number): void {
    if (this.#partialLine.length === 0 && chunk[start] === COLON) this.#inComment = true
    if (this.#inComment) return
    if (this.#fits(this.#partialLine.length + end - start)) this.#partialLine.append(chunk, start, end)
  }

  #fits(lineBytes: number): boolean {
    if (this.#block.heldBytes + lineBytes <= this.#maxEventBytes) return true
    this.#failure = new SseEventTooLargeError(this.#maxEventBytes)
    return false
  }
}
