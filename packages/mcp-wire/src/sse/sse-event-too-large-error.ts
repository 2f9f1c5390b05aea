/** An event (or one line) of an SSE stream is larger than the decoder may hold. The stream cannot be read on. */
export class SseEventTooLargeError extends Error {
  static {
    this.prototype.name = 'SseEventTooLargeError'
  }

  readonly code = 'ERR_SSE_EVENT_TOO_LARGE'
  readonly maxEventBytes: number

  constructor(maxEventBytes: number) {
    super(`An event of the stream is larger than ${maxEventBytes} bytes`)
    this.maxEventBytes = maxEventBytes
  }

  /** True when `value` is a `SseEventTooLargeError`, also one of another copy of this package. */
  static is(value: unknown): value is SseEventTooLargeError {
    return value instanceof Error && 'code' in value && value.code === 'ERR_SSE_EVENT_TOO_LARGE'
  }
}
