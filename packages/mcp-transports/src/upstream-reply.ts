/** What a server answered. `sessionId` is its `Mcp-Session-Id`, if it sent one. */
export type UpstreamReply =
  | UpstreamMessageReply
  | UpstreamStreamReply
  | UpstreamAcceptedReply
  | UpstreamRefusedReply

/** One JSON-RPC message, whole. */
export interface UpstreamMessageReply {
  readonly kind: 'message'
  readonly status: number
  readonly message: Uint8Array
  readonly sessionId: string | undefined
}

/** A stream of messages. Iterate it once, to its end, or cancel it: it holds a connection. */
export interface UpstreamStreamReply {
  readonly kind: 'stream'
  readonly status: number
  /**
   * One JSON-RPC message per event, read no faster than it is iterated. Ends when the server ends the stream.
   *
   * Iterating throws `UpstreamTransportError`: `truncated` when the connection broke, `too_large` for an event
   * over the limit, a time-out, or `aborted` after `cancel()`.
   */
  readonly messages: AsyncIterable<UpstreamEvent>
  /** Where the stream stands, also after events that carry no message. */
  readonly position: UpstreamStreamPosition
  readonly sessionId: string | undefined
  /** Gives the stream up and closes its connection. Idempotent; never throws. */
  cancel(): void
}

/** The server took a notification or a response, and has nothing to say. */
export interface UpstreamAcceptedReply {
  readonly kind: 'accepted'
  readonly status: number
  readonly sessionId: string | undefined
}

/** Any status outside 2xx. Redirects are among them: none is followed. */
export interface UpstreamRefusedReply {
  readonly kind: 'refused'
  readonly status: number
  readonly contentType: string | undefined
  /** The first 64 KiB of the body, or what came of them in time. */
  readonly body: Uint8Array
  /** From `Retry-After`, counted from now. */
  readonly retryAfterMs: number | undefined
  readonly wwwAuthenticate: string | undefined
  readonly sessionId: string | undefined
}

export interface UpstreamEvent {
  readonly message: Uint8Array
  /** The id of this very event. */
  readonly eventId: string | undefined
  /** The reconnection time that came with it, in milliseconds. */
  readonly retryMs: number | undefined
}

/** What a client needs in order to go on with a stream that broke. */
export interface UpstreamStreamPosition {
  /** For `Last-Event-ID`. Undefined: the stream cannot be gone on with. */
  readonly lastEventId: string | undefined
  /** How long the server asks to wait first, in milliseconds. */
  readonly retryMs: number | undefined
}
