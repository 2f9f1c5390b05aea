import type { Span } from '../span.ts'
import { decodeString } from './decode-string.ts'
import {
  KEY_ARGUMENTS,
  KEY_CLIENT_CAPABILITIES,
  KEY_CLIENT_INFO,
  KEY_ERROR,
  KEY_ERROR_CODE,
  KEY_ID,
  KEY_JSONRPC,
  KEY_LOG_LEVEL,
  KEY_META,
  KEY_METHOD,
  KEY_NAME,
  KEY_PARAMS,
  KEY_PROGRESS_TOKEN,
  KEY_PROTOCOL_VERSION,
  KEY_REQUEST_ID,
  KEY_RESULT,
  KEY_RESULT_META,
  KEY_RESULT_TYPE,
  KEY_SUBSCRIPTION_ID,
  KEY_TASK_ID,
  KEY_TRACEPARENT,
  KEY_URI,
} from './envelope-keys.ts'
import { MetaDraft, type MessageDraft } from './message-draft.ts'
import { readId } from './read-id.ts'
import type { ScanState } from './scan-state.ts'

const OPEN_BRACE = 0x7b

/**
 * Records one known member of the message, `params`, `result` or `error`. The bytes from `start` to `end` are a valid
 * JSON value; `escaped` tells whether it has escape sequences anywhere.
 */
export function recordMember(
  state: ScanState,
  draft: MessageDraft,
  key: number,
  start: number,
  end: number,
  escaped: boolean,
): void {
  const first = state.bytes[start]!
  const span: Span = { start, end }
  switch (key) {
    case KEY_JSONRPC:
      state.isVersion2 = readText(state, start, end, escaped) === '2.0'
      break
    case KEY_ID:
      draft.id = first === 0x6e ? null : readId(state, start, end, escaped)
      draft.idSpan = span
      break
    case KEY_METHOD:
      draft.method = readText(state, start, end, escaped)
      draft.methodSpan = span
      break
    case KEY_PARAMS:
      state.hasParams = true
      if (first === OPEN_BRACE) draft.paramsSpan = span
      break
    case KEY_NAME:
      draft.name = readText(state, start, end, escaped)
      if (draft.name !== undefined) draft.nameSpan = span
      break
    case KEY_URI:
      draft.uri = readText(state, start, end, escaped)
      if (draft.uri !== undefined) draft.uriSpan = span
      break
    case KEY_TASK_ID:
      draft.taskId = readText(state, start, end, escaped)
      if (draft.taskId !== undefined) draft.taskIdSpan = span
      break
    case KEY_ARGUMENTS:
      draft.argumentsSpan = span
      break
    case KEY_REQUEST_ID:
      draft.requestId = readId(state, start, end, escaped)
      if (draft.requestId !== undefined) draft.requestIdSpan = span
      break
    case KEY_PROGRESS_TOKEN:
      draft.progressToken = readId(state, start, end, escaped)
      if (draft.progressToken !== undefined) draft.progressTokenSpan = span
      break
    case KEY_META:
      state.metaAt = start
      if (first === OPEN_BRACE) (draft.meta ??= new MetaDraft(span)).span = span
      break
    case KEY_RESULT:
      draft.resultSpan = span
      break
    case KEY_RESULT_TYPE:
      draft.resultType = readText(state, start, end, escaped)
      if (draft.resultType !== undefined) draft.resultTypeSpan = span
      break
    case KEY_RESULT_META:
      if (first === OPEN_BRACE) draft.resultMetaSpan = span
      break
    case KEY_ERROR:
      draft.errorSpan = span
      break
    case KEY_ERROR_CODE: {
      const code = readId(state, start, end, escaped)
      if (typeof code === 'number') draft.errorCode = code
      break
    }
    default:
  }
}

/** Records one known member of `params._meta`. */
export function recordMetaMember(
  state: ScanState,
  meta: MetaDraft,
  key: number,
  start: number,
  end: number,
  escaped: boolean,
): void {
  const span: Span = { start, end }
  switch (key) {
    case KEY_PROTOCOL_VERSION:
      meta.protocolVersion = readText(state, start, end, escaped)
      meta.protocolVersionSpan = span
      break
    case KEY_CLIENT_CAPABILITIES:
      if (state.bytes[start] === OPEN_BRACE) meta.clientCapabilitiesSpan = span
      break
    case KEY_CLIENT_INFO:
      meta.hasClientInfo = true
      meta.clientInfoSpan = span
      break
    case KEY_PROGRESS_TOKEN:
      meta.progressToken = readId(state, start, end, escaped)
      meta.progressTokenSpan = span
      break
    case KEY_SUBSCRIPTION_ID:
      meta.subscriptionId = readId(state, start, end, escaped)
      if (meta.subscriptionId !== undefined) meta.subscriptionIdSpan = span
      break
    case KEY_LOG_LEVEL:
      meta.logLevel = readText(state, start, end, escaped)
      break
    case KEY_TRACEPARENT:
      meta.traceparent = readText(state, start, end, escaped)
      if (meta.traceparent !== undefined) meta.traceparentSpan = span
      break
    default:
  }
}

function readText(state: ScanState, start: number, end: number, escaped: boolean): string | undefined {
  return state.bytes[start] === 0x22 ? decodeString(state, start, end, escaped) : undefined
}
