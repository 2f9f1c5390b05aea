import type { HttpPool, RelayTimeoutOptions } from '@mreg/http-pool'

export interface StreamableHttpTransportOptions {
  /** Whose connections are used. It stays the caller's to close. */
  readonly pool: HttpPool
  /** The server's MCP endpoint, without credentials. */
  readonly url: URL
  /** Timers of requests that do not bring their own. Default: the pool's. A `listen` stream has no `idleMs` unless it is given one. */
  readonly timeouts?: RelayTimeoutOptions | undefined
  /** Largest reply, and largest single event of a stream, in bytes. Default 32 MiB. */
  readonly maxMessageBytes?: number | undefined
  /** How long `endSession` may take in all, in milliseconds. Default 2 000. */
  readonly endSessionTimeoutMs?: number | undefined
}
