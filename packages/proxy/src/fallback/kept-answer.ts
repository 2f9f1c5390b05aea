import { Buffer } from 'node:buffer'

/** The result of an answer, with what is needed to judge its age. */
export interface KeptAnswer {
  /** When the server gave it, in milliseconds since 1970. */
  readonly givenAt: number
  /** How long it is good, in milliseconds. */
  readonly ttlMs: number
  /** The JSON text of the result: an object. */
  readonly result: Uint8Array
}

/** Another first byte is another form: it is not read. */
const FORM = 1
const HEAD_BYTES = 17

export const encodeKeptAnswer = ({ givenAt, ttlMs, result }: KeptAnswer): Uint8Array => {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + result.byteLength)
  bytes.writeUInt8(FORM)
  bytes.writeDoubleBE(givenAt, 1)
  bytes.writeDoubleBE(ttlMs, 9)
  bytes.set(result, HEAD_BYTES)
  return bytes
}

/** undefined: it is nothing that this version has written. */
export const decodeKeptAnswer = (bytes: Uint8Array): KeptAnswer | undefined => {
  if (bytes.byteLength <= HEAD_BYTES || bytes[0] !== FORM) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { givenAt: view.getFloat64(1), ttlMs: view.getFloat64(9), result: bytes.subarray(HEAD_BYTES) }
}
