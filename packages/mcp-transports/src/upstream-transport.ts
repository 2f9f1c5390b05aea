import type { HeaderField, RelayTimeoutOptions } from '@mreg/http-pool'

import type { UpstreamReply } from './upstream-reply.ts'

/**
 * The wire to one MCP server. It carries single messages as bytes and reports what came back; it holds no session,
 * sends nothing twice and decides nothing.
 */
export interface UpstreamTransport extends AsyncDisposable {
  readonly kind: 'streamable-http' | 'sse' | 'stdio'
  /**
   * Sends one message and resolves at the server's reply.
   *
   * @throws {UpstreamTransportError} when no reply came.
   */
  send(request: UpstreamRequest): Promise<UpstreamReply>
  /**
   * Opens the stream on which a server of the 2025 era sends what belongs to no call, or goes on with a stream that broke.
   * A server that offers none answers 405, which is a `refused` reply.
   *
   * @throws {UpstreamTransportError} when no reply came.
   */
  listen(request: UpstreamListenRequest): Promise<UpstreamReply>
  /**
   * Tells the server that a session is over. Resolves also when it does not know the session (404) or lets no client end
   * one (405).
   *
   * @throws {UpstreamTransportError} when the server could not be told, or refused otherwise (`bad_status`).
   */
  endSession(request: UpstreamEndSessionRequest): Promise<void>
}

/** What every request to a server may carry. */
export interface UpstreamRequestOptions {
  /** Sent as `MCP-Protocol-Version`. */
  readonly protocolVersion?: string | undefined
  /** Sent as `Mcp-Session-Id`. */
  readonly sessionId?: string | undefined
  /** Whose request it is, for a transport that keeps what it holds for one principal from the others. */
  readonly principalId?: string | undefined
  /**
   * Further fields: credentials, `Mcp-Method`, `Mcp-Name`, `Mcp-Param-*`, trace. A field that the transport sets itself
   * (`Accept`, `Content-Type`, and the two above when they are given) is left out.
   */
  readonly headers?: readonly HeaderField[] | undefined
  /** Ends the request, also in the middle of its stream. */
  readonly signal?: AbortSignal | undefined
  /** Default: the transport's. */
  readonly timeouts?: RelayTimeoutOptions | undefined
  /** Largest reply, and largest single event of a stream, in bytes. Default: the transport's. */
  readonly maxMessageBytes?: number | undefined
}

export interface UpstreamRequest extends UpstreamRequestOptions {
  /** One JSON-RPC message, sent as it is. */
  readonly message: Uint8Array
  /** Its method, for the texts of errors. */
  readonly method?: string | undefined
  /**
   * The message may be executed twice: it is sent a second time, once, when a kept connection turns out to be dead before
   * a byte of the reply came. Default false.
   */
  readonly retryable?: boolean | undefined
}

export interface UpstreamListenRequest extends UpstreamRequestOptions {
  /** Sent as `Last-Event-ID`: the server goes on after this event. */
  readonly lastEventId?: string | undefined
}

export interface UpstreamEndSessionRequest extends Omit<UpstreamRequestOptions, 'maxMessageBytes'> {
  readonly sessionId: string
}
