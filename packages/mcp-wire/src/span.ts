/** A range of byte offsets in one message. `end` is exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}
