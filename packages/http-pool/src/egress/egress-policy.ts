/** Decides which targets a pool may talk to. Both forms ask it before a request takes a connection. */
export interface EgressPolicy {
  /**
   * Returns (or resolves) to allow `url`; throws (or rejects) to refuse it, which the caller sees as reason
   * `egress_denied` with the thrown value as `cause`. The request waits for it no longer than `queueMs`.
   *
   * It sees host names as they are written; what a name resolves to is seen by the pool's `lookup`.
   */
  checkTarget?(url: URL): void | Promise<void>
}
