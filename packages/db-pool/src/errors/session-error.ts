const brand = Symbol.for('@mreg/db-pool/SessionError')

/**
 * Why a session did not commit.
 *
 * - `statement-timeout`: a statement ran longer than it may.
 * - `lock-timeout`: a lock was held by somebody else for longer than a statement may wait.
 * - `conflict`: it collided with others (serialization failure or deadlock) on every attempt.
 * - `aborted`: an error of a statement was swallowed by the work, so the transaction could only roll back.
 * - `idle-timeout`: the work held its transaction open without using it for longer than it may.
 * - `commit-unknown`: the connection broke while the commit, or a statement outside sessions, was under way; it may or
 *   may not have happened.
 * - `nested`: a session or a connection was asked for inside a session of the same pool, or a second nested session
 *   while one is open.
 * - `tenant-role`: the role of the tenant sessions is missing or not granted to us.
 */
export type SessionFailure =
  | 'statement-timeout'
  | 'lock-timeout'
  | 'conflict'
  | 'aborted'
  | 'idle-timeout'
  | 'commit-unknown'
  | 'nested'
  | 'tenant-role'

/** A session failed in a way that is not the work's own error. Unless `reason` is `commit-unknown`, nothing was changed. */
export class SessionError extends Error {
  readonly [brand] = true
  readonly code = 'ERR_DATABASE_SESSION'
  readonly reason: SessionFailure

  constructor(reason: SessionFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SessionError'
    this.reason = reason
  }

  /** Whether `error` is one, whichever copy of this package made it. */
  static is(error: unknown): error is SessionError {
    return typeof error === 'object' && error !== null && brand in error
  }
}
