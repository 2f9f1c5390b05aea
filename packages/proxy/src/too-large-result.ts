import { encodeResult, type Era, type JsonRpcId } from '@mreg/mcp-wire'
import { UpstreamError } from '@mreg/upstream'

/** Where such a result says why, for programs. */
const FAILURE = 'dev.mreg/failure'

/** Who is told, and in which words. */
export interface ToolResultFor {
  /** In which era the server is spoken to. */
  readonly era: Era
  readonly id: JsonRpcId
  readonly requestId: string
  readonly slug: string
}

/**
 * The result of a tool whose own is larger than it may be: a model reads it, and can ask for less. undefined: that is not what
 * has gone wrong.
 */
export const tooLargeResult = (
  failure: unknown,
  { era, id, requestId, slug }: ToolResultFor,
): Uint8Array | undefined => {
  if (!UpstreamError.is(failure) || failure.excess === undefined) return undefined
  const { limitBytes, sizeBytes } = failure.excess
  const size = sizeBytes === undefined ? 'more than that' : `${sizeBytes} bytes`
  const text =
    `The result of this tool is larger than the limit of ${limitBytes} bytes (${size}), so it was dropped. ` +
    'Ask for less; or have an administrator of the gateway raise limits.maxReplyBytes.'
  return encodeResult({
    id,
    result: {
      ...(era === 'modern' ? { resultType: 'complete' } : {}),
      content: [{ type: 'text', text }],
      isError: true,
      _meta: { [FAILURE]: { reason: failure.reason, server: slug, limitBytes, sizeBytes, requestId } },
    },
  })
}
