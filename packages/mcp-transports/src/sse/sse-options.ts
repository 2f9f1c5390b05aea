import type { HttpPool, RelayTimeoutOptions } from '@mreg/http-pool'

export interface SseTransportOptions {
  /** Whose connections are used; each session holds one. It stays the caller's to close. */
  readonly pool: HttpPool
  /** Where the server's event stream is, without credentials. */
  readonly url: URL
  /** Timers of requests that do not bring their own. Default: the pool's. The stream itself has none once it is open. */
  readonly timeouts?: RelayTimeoutOptions | undefined
  /** Largest single event, in bytes. Default 32 MiB. */
  readonly maxMessageBytes?: number | undefined
  /** How long the server may take to name the endpoint after a session was asked for, in milliseconds. Default 30 000. */
  readonly openTimeoutMs?: number | undefined
  /** A session that nobody uses or listens to is closed after so many milliseconds. Default 600 000. */
  readonly idleSessionMs?: number | undefined
  /** Sessions at once; the one that was used longest ago goes first. Default 200. */
  readonly maxSessions?: number | undefined
}

export const DEFAULTS = {
  maxMessageBytes: 33_554_432,
  openTimeoutMs: 30_000,
  idleSessionMs: 600_000,
  maxSessions: 200,
} as const
