import { Buffer } from 'node:buffer'

import type { ScanLimits } from './scan-limits.ts'

/** What went wrong with the grammar; 0 while nothing has. */
const FAULT_NONE = 0
const FAULT_GRAMMAR = 1
export const FAULT_DEPTH = 2

/**
 * The moving parts of one scan. The skipping functions return the offset after what they skipped, or -1 after having
 * recorded the fault here.
 */
export class ScanState {
  readonly bytes: Uint8Array
  readonly end: number
  readonly maxDepth: number
  readonly maxIdBytes: number
  readonly deepDuplicates: boolean
  /** OR of all bytes seen in strings: bit 7 tells whether the text has anything but ASCII. */
  highBits = 0
  /** Counts escape sequences; a caller compares before and after to learn whether a string has any. */
  escapes = 0
  fault = FAULT_NONE
  faultAt = -1
  /** Start of the first key that repeats another of its object; -1 while there is none. */
  duplicateAt = -1
  /** Start of the first key that can be mistaken for a known one; -1 while there is none. */
  confusableAt = -1
  /** The member `jsonrpc` is "2.0". */
  isVersion2 = false
  /** There is a member `params`, of any type. */
  hasParams = false
  /** Start of the value of `params._meta`, of any type; -1 without one. */
  metaAt = -1
  #view: DataView | undefined
  #buffer: Buffer | undefined

  constructor(bytes: Uint8Array, limits: ScanLimits) {
    this.bytes = bytes
    this.end = bytes.length
    this.maxDepth = limits.maxDepth
    this.maxIdBytes = limits.maxIdBytes
    this.deepDuplicates = limits.duplicateKeys === 'everywhere'
  }

  /** The bytes as words, made at the first long string only. */
  view(): DataView {
    return (this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length))
  }

  /** The bytes as a Buffer, made at the first text to decode only. */
  buffer(): Buffer {
    return (this.#buffer ??= Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length))
  }

  /** Records a grammar fault and gives the -1 to return. */
  reject(at: number): -1 {
    this.fault = FAULT_GRAMMAR
    this.faultAt = at
    return -1
  }

  /** Records that the limit of nesting is passed and gives the -1 to return. */
  rejectDepth(at: number): -1 {
    this.fault = FAULT_DEPTH
    this.faultAt = at
    return -1
  }
}
