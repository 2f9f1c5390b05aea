import type { JsonRpcId, ScannedMessage, ScannedMeta } from '../scanned-message.ts'
import type { Span } from '../span.ts'

/** A `ScannedMessage` while the scan fills it in. Every field exists from the start, so that all have one shape. */
export class MessageDraft implements ScannedMessage {
  kind: 'request' | 'notification' | 'response' = 'response'
  id: JsonRpcId | null | undefined = undefined
  idSpan: Span | undefined = undefined
  method: string | undefined = undefined
  methodSpan: Span | undefined = undefined
  paramsSpan: Span | undefined = undefined
  name: string | undefined = undefined
  nameSpan: Span | undefined = undefined
  uri: string | undefined = undefined
  uriSpan: Span | undefined = undefined
  taskId: string | undefined = undefined
  taskIdSpan: Span | undefined = undefined
  argumentsSpan: Span | undefined = undefined
  requestId: JsonRpcId | undefined = undefined
  requestIdSpan: Span | undefined = undefined
  progressToken: JsonRpcId | undefined = undefined
  progressTokenSpan: Span | undefined = undefined
  meta: MetaDraft | undefined = undefined
  resultSpan: Span | undefined = undefined
  resultType: string | undefined = undefined
  resultTypeSpan: Span | undefined = undefined
  resultMetaSpan: Span | undefined = undefined
  isError = false
  errorSpan: Span | undefined = undefined
  errorCode: number | undefined = undefined

  /** Forgets what was read from `params`: it means nothing on a response. */
  clearParams(): void {
    this.paramsSpan = undefined
    this.name = undefined
    this.nameSpan = undefined
    this.uri = undefined
    this.uriSpan = undefined
    this.taskId = undefined
    this.taskIdSpan = undefined
    this.argumentsSpan = undefined
    this.requestId = undefined
    this.requestIdSpan = undefined
    this.progressToken = undefined
    this.progressTokenSpan = undefined
    this.meta = undefined
  }
}

/** A `ScannedMeta` while the scan fills it in. */
export class MetaDraft implements ScannedMeta {
  span: Span
  protocolVersion: string | undefined = undefined
  protocolVersionSpan: Span | undefined = undefined
  clientCapabilitiesSpan: Span | undefined = undefined
  hasClientInfo = false
  clientInfoSpan: Span | undefined = undefined
  progressToken: JsonRpcId | undefined = undefined
  progressTokenSpan: Span | undefined = undefined
  subscriptionId: JsonRpcId | undefined = undefined
  subscriptionIdSpan: Span | undefined = undefined
  logLevel: string | undefined = undefined
  traceparent: string | undefined = undefined
  traceparentSpan: Span | undefined = undefined

  constructor(span: Span) {
    this.span = span
  }
}
