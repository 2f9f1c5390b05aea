import { isUtf8 } from 'node:buffer'

import type { JsonRpcId, ScannedMessage } from '../scanned-message.ts'
import { WireError, type WireErrorReason } from '../wire-error.ts'
import { LEVEL_MESSAGE } from './envelope-keys.ts'
import { releaseKeys } from './key-register.ts'
import { MessageDraft } from './message-draft.ts'
import { resolveScanLimits, type ScanLimits } from './scan-limits.ts'
import { FAULT_DEPTH, ScanState } from './scan-state.ts'
import { skipWhitespace } from './skip-scalar.ts'
import { skipValue } from './skip-value.ts'
import { walkObject } from './walk-object.ts'

/**
 * Reads one JSON-RPC 2.0 message: a single pass over its bytes that checks the whole text against the JSON grammar
 * (RFC 8259) and UTF-8, and records where the parts are that a gateway routes by. What it accepts, `JSON.parse` accepts
 * and reads the same way.
 *
 * Refused beyond the grammar: nesting over `maxDepth`; batches; repeated keys; keys that a lenient reader could take
 * for the ones routed by (`Method`, a NUL); an id that is neither a string nor a safe integer (`null` is allowed on an
 * error response, which may also have none); a message that is not exactly one of request, notification, response;
 * `params` or `params._meta` that is no object. A fault of grammar is reported before any other.
 *
 * The scan looks at the bytes only while it runs; the spans stay good as long as the bytes are unchanged.
 * Throws `WireError`, and RangeError for a limit out of range.
 */
export function scanMessage(bytes: Uint8Array, limits?: Partial<ScanLimits>): ScannedMessage {
  const resolved = resolveScanLimits(limits)
  const state = new ScanState(bytes, resolved)
  const draft = new MessageDraft()
  const start = skipWhitespace(bytes, 0, bytes.length)
  const first = start < bytes.length ? bytes[start]! : 0
  let at = first === 0x7b ? walkObject(state, draft, LEVEL_MESSAGE, start, 0) : skipValue(state, start, 0)
  releaseKeys()
  if (at >= 0) {
    at = skipWhitespace(bytes, at, bytes.length)
    if (at < bytes.length) at = state.reject(at)
  }
  if (at < 0) throw grammarError(state, resolved)
  if ((state.highBits & 0x80) !== 0 && !isUtf8(bytes)) {
    throw new WireError('The message is not valid UTF-8', { reason: 'invalid_utf8' })
  }
  judge(state, draft, first)
  return draft
}

function grammarError(state: ScanState, limits: ScanLimits): WireError {
  const offset = state.faultAt
  if (state.fault === FAULT_DEPTH) {
    return new WireError(`The message is nested deeper than ${limits.maxDepth} levels`, {
      reason: 'too_deep',
      offset,
    })
  }
  const what =
    offset >= state.end ? 'The message ends before its JSON text does' : 'The message is not valid JSON'
  return new WireError(what, { reason: 'malformed_json', offset })
}

function judge(state: ScanState, draft: MessageDraft, first: number): void {
  if (first === 0x5b) throw new WireError('Batches are not supported: send one message', { reason: 'batch' })
  if (first !== 0x7b) throw new WireError('The message is not a JSON object', { reason: 'not_jsonrpc' })
  if (state.duplicateAt !== -1) {
    // Which of two ids is meant is unknown, so this error never names one.
    throw new WireError('A key occurs twice in one object', {
      reason: 'duplicate_key',
      offset: state.duplicateAt,
    })
  }
  const id = draft.id ?? undefined
  if (state.confusableAt !== -1) {
    throw refusal('confusable_key', 'A key can be mistaken for one of the protocol', id, state.confusableAt)
  }
  if (!state.isVersion2) throw refusal('not_jsonrpc', 'The member "jsonrpc" must be present and "2.0"', id)
  const isCall = draft.methodSpan !== undefined
  const isResult = draft.resultSpan !== undefined
  draft.isError = draft.errorSpan !== undefined
  if (Number(isCall) + Number(isResult) + Number(draft.isError) !== 1) {
    throw refusal('not_jsonrpc', 'The message must have exactly one of "method", "result" and "error"', id)
  }
  if (draft.idSpan !== undefined && (draft.id === undefined || (draft.id === null && !draft.isError))) {
    throw refusal('invalid_id', 'The id must be a string or a safe integer', undefined, draft.idSpan.start)
  }
  if (isCall) judgeCall(state, draft, id)
  else judgeResponse(state, draft, id)
}

function judgeCall(state: ScanState, draft: MessageDraft, id: JsonRpcId | undefined): void {
  if (draft.method === undefined) {
    throw refusal('invalid_method', 'The method must be a string', id, draft.methodSpan?.start)
  }
  if (state.hasParams && draft.paramsSpan === undefined) {
    throw refusal('invalid_params', 'The params must be an object', id)
  }
  if (state.metaAt !== -1 && draft.meta === undefined) {
    throw refusal('invalid_meta', 'params._meta must be an object', id, state.metaAt)
  }
  const tokenSpan = draft.meta?.progressTokenSpan
  if (tokenSpan !== undefined && draft.meta?.progressToken === undefined) {
    throw refusal(
      'invalid_meta',
      'The progress token must be a string or a safe integer',
      id,
      tokenSpan.start,
    )
  }
  draft.kind = draft.idSpan === undefined ? 'notification' : 'request'
}

function judgeResponse(state: ScanState, draft: MessageDraft, id: JsonRpcId | undefined): void {
  if (draft.isError) {
    if (state.bytes[draft.errorSpan!.start] !== 0x7b)
      throw refusal('not_jsonrpc', 'The error must be an object', id)
  } else if (draft.idSpan === undefined) {
    throw refusal('invalid_id', 'A result must have an id', undefined)
  }
  if (state.hasParams) draft.clearParams()
}

function refusal(
  reason: WireErrorReason,
  message: string,
  id: JsonRpcId | undefined,
  offset?: number,
): WireError {
  return new WireError(message, { reason, id, offset })
}
