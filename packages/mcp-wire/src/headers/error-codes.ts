/**
 * JSON-RPC error codes on the wire. -32768 to -32000 belong to JSON-RPC and the protocol (-32020 to -32099 to the
 * latter's specification); an implementation's own codes lie outside.
 */
export const ERROR_CODE = Object.freeze({
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** A legacy habit of SDKs for refusals of their HTTP transport. */
  badRequest: -32000,
  /** A legacy habit of SDKs: the session is unknown or has ended. */
  sessionNotFound: -32001,
  /** Legacy only; modern servers answer -32602 with `data.uri`. */
  resourceNotFound: -32002,
  headerMismatch: -32020,
  /** `data.requiredCapabilities` says which. */
  missingClientCapability: -32021,
  /** `data.supported` and `data.requested`. */
  unsupportedVersion: -32022,
  /** Legacy only. */
  urlElicitationRequired: -32042,
})

/**
 * True for a code that only a modern server sends. A client that probes with a modern request takes a 4xx answer with
 * such a code as proof of a modern server, and one without for a legacy server.
 */
export function isRecognisedModernError(code: number | undefined): boolean {
  return (
    code === ERROR_CODE.headerMismatch ||
    code === ERROR_CODE.missingClientCapability ||
    code === ERROR_CODE.unsupportedVersion
  )
}
