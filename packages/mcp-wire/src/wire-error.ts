import type { JsonRpcId } from './scanned-message.ts'

/** Why a message was refused. */
export type WireErrorReason =
  | 'malformed_json'
  | 'invalid_utf8'
  | 'too_deep'
  | 'batch'
  | 'not_jsonrpc'
  | 'duplicate_key'
  | 'confusable_key'
  | 'invalid_id'
  | 'invalid_method'
  | 'invalid_params'
  | 'invalid_meta'

/** What a `WireError` carries. */
export interface WireErrorOptions {
  readonly reason: WireErrorReason
  readonly id?: JsonRpcId | undefined
  readonly offset?: number | undefined
}

/**
 * Bytes that are not one acceptable JSON-RPC message. `jsonRpcCode` is the code to answer with: -32700 when the text is
 * not JSON, -32602 for a broken `params._meta`, otherwise -32600. HTTP servers answer it with status 400.
 */
export class WireError extends Error {
  static {
    this.prototype.name = 'WireError'
  }

  readonly code = 'ERR_WIRE_MESSAGE'
  readonly reason: WireErrorReason
  readonly jsonRpcCode: -32700 | -32600 | -32602
  /** The message's id, when it could be read without doubt. Undefined: answer with no id or with `null`. */
  readonly id: JsonRpcId | undefined
  /** Byte offset of the fault, where one place is to blame. */
  readonly offset: number | undefined

  constructor(message: string, options: WireErrorOptions) {
    super(options.offset === undefined ? message : `${message} (byte ${options.offset})`)
    this.reason = options.reason
    this.jsonRpcCode = jsonRpcCodeOf(options.reason)
    this.id = options.id
    this.offset = options.offset
  }

  /** True when `value` is a `WireError`, also one of another copy of this package. */
  static is(value: unknown): value is WireError {
    return value instanceof Error && 'code' in value && value.code === 'ERR_WIRE_MESSAGE'
  }
}

function jsonRpcCodeOf(reason: WireErrorReason): -32700 | -32600 | -32602 {
  if (reason === 'malformed_json' || reason === 'invalid_utf8') return -32700
  return reason === 'invalid_meta' ? -32602 : -32600
}
