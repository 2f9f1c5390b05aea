/** A connection that can no longer be used: it broke, or a statement was not answered in time. */
export class ConnectionFailure extends Error {
  /** Whether the statement that this is the answer to may have reached the server. */
  readonly statementSent: boolean

  constructor(statementSent: boolean, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ConnectionFailure'
    this.statementSent = statementSent
  }
}

/** No connection could be made or became free. */
export class AcquireFailure extends Error {
  readonly exhausted: boolean

  constructor(exhausted: boolean, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AcquireFailure'
    this.exhausted = exhausted
  }
}
