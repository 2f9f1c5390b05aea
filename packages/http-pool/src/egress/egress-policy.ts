/**
 * Decides which targets a pool may talk to, in both forms. Throwing (or rejecting) refuses; the caller sees reason
 * `egress_denied` with what was thrown as `cause`. `createEgressGuard` makes one that keeps requests off internal networks.
 */
export interface EgressPolicy {
  /**
   * Asked for every request before it takes a connection, with the URL as it is written. The request waits for it no
   * longer than `queueMs`.
   */
  checkTarget?(url: URL): void | Promise<void>
  /**
   * Asked for every new connection with each address that it may be made to: the literal in the URL, or what the name
   * was resolved to just now. Of several addresses those that are refused are not tried. Through a proxy it is asked
   * before the proxy is; then one refused address is enough.
   */
  checkAddress?(address: string, hostname: string): void
}
