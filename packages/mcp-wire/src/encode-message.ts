import { Buffer } from 'node:buffer'

import type { JsonRpcId } from './scanned-message.ts'

/** A request to encode. `params` undefined: the message has none. */
export interface EncodeRequestOptions {
  readonly id: JsonRpcId
  readonly method: string
  readonly params?: object | undefined
}

/** A notification to encode. `params` undefined: the message has none. */
export interface EncodeNotificationOptions {
  readonly method: string
  readonly params?: object | undefined
}

/** A result to encode. */
export interface EncodeResultOptions {
  readonly id: JsonRpcId
  readonly result: object
}

/** An error to encode. `id` undefined: the message has none, as for a request whose id could not be read. */
export interface EncodeErrorOptions {
  readonly id?: JsonRpcId | null | undefined
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/** The UTF-8 JSON text of a JSON-RPC request. Throws TypeError when the params cannot be JSON. */
export function encodeRequest({ id, method, params }: EncodeRequestOptions): Uint8Array {
  return encode({ jsonrpc: '2.0', id, method, params })
}

/** The UTF-8 JSON text of a JSON-RPC notification. Throws TypeError when the params cannot be JSON. */
export function encodeNotification({ method, params }: EncodeNotificationOptions): Uint8Array {
  return encode({ jsonrpc: '2.0', method, params })
}

/** The UTF-8 JSON text of a JSON-RPC result. Throws TypeError when the result cannot be JSON. */
export function encodeResult({ id, result }: EncodeResultOptions): Uint8Array {
  return encode({ jsonrpc: '2.0', id, result })
}

/** The UTF-8 JSON text of a JSON-RPC error response. Throws TypeError when the data cannot be JSON. */
export function encodeError({ id, code, message, data }: EncodeErrorOptions): Uint8Array {
  return encode({ jsonrpc: '2.0', id, error: { code, message, data } })
}

function encode(message: object): Uint8Array {
  return Buffer.from(JSON.stringify(message), 'utf8')
}
