import {
  encodeError,
  encodeRequest,
  encodeResult,
  scanMessage,
  type Span,
  spliceMessage,
} from '@mreg/mcp-wire'

/** For messages of servers that are only passed on, and for those that were judged before they came here. */
export const LENIENT = { maxDepth: 1024, duplicateKeys: 'envelope' } as const

/** A copy of the bytes of a span, which does not keep the rest alive. */
export const rawValue = (message: Uint8Array, { start, end }: Span): Uint8Array =>
  Buffer.from(message.subarray(start, end))

/** A copy that does not share the memory of a larger read. */
export const ownCopy = (message: Uint8Array): Uint8Array => Buffer.from(message)

/** The message with `replacement`, a JSON text, in each of the spans. */
export const withValue = (
  message: Uint8Array,
  spans: readonly Span[],
  replacement: Uint8Array | string,
): Uint8Array =>
  spliceMessage(
    message,
    spans.map((span) => ({ span, replacement })),
  )

/** A result that says nothing but that it was done. */
export const emptyResult = (rawId: Uint8Array): Uint8Array =>
  withRawId(encodeResult({ id: 0, result: {} }), rawId)

export const errorResponse = (rawId: Uint8Array, code: number, message: string): Uint8Array =>
  withRawId(encodeError({ id: 0, code, message }), rawId)

const withRawId = (message: Uint8Array, rawId: Uint8Array): Uint8Array => {
  const { idSpan } = scanMessage(message, LENIENT)
  return idSpan === undefined ? message : withValue(message, [idSpan], rawId)
}

/** A request without parameters. */
export const emptyRequest = (id: number, method: string): Uint8Array => encodeRequest({ id, method })
