/** One event of a Server-Sent Events stream: the fields of one block, undefined where the block has none. */
export interface SseEvent {
  /** The event type. Undefined also for an empty one, which the standard reads as `message`. */
  readonly event: string | undefined
  /** This block's id; the empty string resets the last event id. Undefined: the last one stays in force. */
  readonly id: string | undefined
  /** Reconnection time in milliseconds. */
  readonly retryMs: number | undefined
  /** The data lines joined by LF, not checked for UTF-8. Undefined: a browser would dispatch nothing for this block. */
  readonly data: Uint8Array | undefined
}
