/** Bounds of what is kept to stand in for servers that fail. */
export interface FallbackSettings {
  /**
   * How long past its `ttlMs` an answer may stand in, in milliseconds; 0: none ever does. A server may have its own.
   * At most 24 h are of use.
   */
  readonly maxStaleMs: number
  /** Answers of more bytes are not kept. */
  readonly maxAnswerBytes: number
}
