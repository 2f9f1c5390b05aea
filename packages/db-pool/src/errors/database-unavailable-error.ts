const brand = Symbol.for('@mreg/db-pool/DatabaseUnavailableError')

/**
 * Why the database cannot be used.
 *
 * - `unreachable`: no connection could be made (refused, no such host, timed out).
 * - `rejected`: it was reached and does not let us in (password, unknown database, TLS); waiting will not help.
 * - `not-ready`: it is starting, stopping, out of connections or a read-only standby.
 * - `connection-lost`: the connection broke before a commit was asked for, so nothing was changed.
 * - `exhausted`: all connections were busy for as long as a session may wait.
 * - `directory`: the data directory of the embedded database cannot be used.
 * - `closed`: the pool was closed.
 */
export type UnavailableReason =
  | 'unreachable'
  | 'rejected'
  | 'not-ready'
  | 'connection-lost'
  | 'exhausted'
  | 'directory'
  | 'closed'

/** The database cannot be used at the moment; nothing was changed. The message says what to do and holds no password. */
export class DatabaseUnavailableError extends Error {
  readonly [brand] = true
  readonly code = 'ERR_DATABASE_UNAVAILABLE'
  readonly reason: UnavailableReason

  constructor(reason: UnavailableReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseUnavailableError'
    this.reason = reason
  }

  /** Whether `error` is one, whichever copy of this package made it. */
  static is(error: unknown): error is DatabaseUnavailableError {
    return typeof error === 'object' && error !== null && brand in error
  }
}
