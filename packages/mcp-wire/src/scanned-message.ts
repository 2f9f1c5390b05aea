import type { Span } from './span.ts'

/** A JSON-RPC id (also the form of a progress token): a string, or an integer that a double holds exactly. */
export type JsonRpcId = string | number

/**
 * What `scanMessage` found in one JSON-RPC message. Strings are decoded (escapes resolved); spans are raw, cover the
 * whole value (a string with its quotes) and index into the scanned bytes.
 */
export interface ScannedMessage {
  readonly kind: 'request' | 'notification' | 'response'
  /** `undefined`: there is no id member. `null` occurs only on an error response. */
  readonly id: JsonRpcId | null | undefined
  readonly idSpan: Span | undefined
  /** Defined on requests and notifications, undefined on responses. */
  readonly method: string | undefined
  readonly methodSpan: Span | undefined
  /** The `params` object; undefined when absent, and on responses. */
  readonly paramsSpan: Span | undefined
  /** `params.name`, when it is a string. */
  readonly name: string | undefined
  readonly nameSpan: Span | undefined
  /** `params.uri`, when it is a string. */
  readonly uri: string | undefined
  readonly uriSpan: Span | undefined
  /** `params.taskId`, when it is a string. */
  readonly taskId: string | undefined
  readonly taskIdSpan: Span | undefined
  /** `params.arguments`, of any type. */
  readonly argumentsSpan: Span | undefined
  /** `params.requestId` (what `notifications/cancelled` names), when it is a string or a safe integer. */
  readonly requestId: JsonRpcId | undefined
  readonly requestIdSpan: Span | undefined
  /** `params.progressToken` (what `notifications/progress` names), when it is a string or a safe integer. */
  readonly progressToken: JsonRpcId | undefined
  readonly progressTokenSpan: Span | undefined
  /** `params._meta`. */
  readonly meta: ScannedMeta | undefined
  /** A response's `result`, of any type. */
  readonly resultSpan: Span | undefined
  /** `result.resultType`, when it is a string. */
  readonly resultType: string | undefined
  readonly resultTypeSpan: Span | undefined
  /** `result._meta`, when it is an object. */
  readonly resultMetaSpan: Span | undefined
  /** True for a response with an `error` member. */
  readonly isError: boolean
  readonly errorSpan: Span | undefined
  /** `error.code`, when it is an integer. */
  readonly errorCode: number | undefined
}

/** What `scanMessage` found in `params._meta`. */
export interface ScannedMeta {
  readonly span: Span
  /** `io.modelcontextprotocol/protocolVersion`, when it is a string. */
  readonly protocolVersion: string | undefined
  /** Defined when the key is present, whatever the type of its value: its presence is the claim to be modern. */
  readonly protocolVersionSpan: Span | undefined
  /** `io.modelcontextprotocol/clientCapabilities`, when it is an object. */
  readonly clientCapabilitiesSpan: Span | undefined
  readonly hasClientInfo: boolean
  readonly clientInfoSpan: Span | undefined
  /** `_meta.progressToken` of a request. */
  readonly progressToken: JsonRpcId | undefined
  readonly progressTokenSpan: Span | undefined
  /** `io.modelcontextprotocol/subscriptionId`, when it is a string or a safe integer. */
  readonly subscriptionId: JsonRpcId | undefined
  readonly subscriptionIdSpan: Span | undefined
  /** `io.modelcontextprotocol/logLevel`, when it is a string. */
  readonly logLevel: string | undefined
  /** `traceparent` (W3C Trace Context), when it is a string; its form is not checked. */
  readonly traceparent: string | undefined
  readonly traceparentSpan: Span | undefined
}
