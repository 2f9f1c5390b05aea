import type { HeaderPair } from './credential-source.ts'

/** Is told once how a request ended, where the circuit is: what chose the endpoint learns from it. */
export interface CallLease {
  /** The endpoint did what it should. */
  success(): void
  /** The failure is the endpoint's, or it was too slow. */
  failure(): void
  /** Nothing was learnt of the endpoint. */
  release(): void
}

/** One message for an endpoint. */
export interface EndpointRequest {
  /** The bytes of one JSON-RPC message; empty for `listen` and `endSession`. */
  readonly message: Uint8Array
  /** Its method; undefined for a response. Decides what may be tried again and what counts as a failure. */
  readonly method: string | undefined
  readonly sessionId?: string | undefined
  /** Whose request it is; decides which process of a `stdio` endpoint gets it, and with whose login it goes out. */
  readonly principalId?: string | undefined
  readonly protocolVersion?: string | undefined
  /** Further headers, such as `mcp-method`. */
  readonly headers?: readonly HeaderPair[] | undefined
  readonly lastEventId?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** The longest that the whole exchange may take, in milliseconds; for `listen`, until the stream begins. */
  readonly timeoutMs: number
  /** Is told once how it ends. Default: nobody is. */
  readonly lease?: CallLease | undefined
  /**
   * Looks at each message of the answer before the circuit hears how it ended, so that what is no answer counts against the
   * endpoint. Gives whether it is the response that is awaited; throws an {@link UpstreamError} when it is none that could
   * be. Default: every message is good, and every end of a stream is.
   */
  readonly examine?: ((message: Uint8Array) => boolean) | undefined
}
