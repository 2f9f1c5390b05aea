import type { HttpPoolErrorReason } from './http-pool-error.ts'

/** Why no connection was made, found before or while it was: already in the pool's words. */
export class ConnectionRefusal extends Error {
  override readonly name = 'ConnectionRefusal'
  readonly reason: HttpPoolErrorReason
  readonly limit: number | undefined

  constructor(reason: HttpPoolErrorReason, cause: unknown, limit?: number) {
    super(`no connection: ${reason}`, { cause })
    this.reason = reason
    this.limit = limit
  }
}
