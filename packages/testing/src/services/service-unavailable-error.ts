/** A service that the tests need cannot be had. The message is one line and says what to do. */
export class ServiceUnavailableError extends Error {
  readonly code = 'ERR_TEST_SERVICE_UNAVAILABLE'
  /** What is missing: `PostgreSQL` or `Redis`. */
  readonly service: string

  constructor(service: string, reason: string, remedy: string, options?: ErrorOptions) {
    super(`${service} for the tests cannot be had: ${oneLine(reason)}; ${remedy}`, options)
    this.name = 'ServiceUnavailableError'
    this.service = service
  }

  /** Tells this error from all others. */
  static is(error: unknown): error is ServiceUnavailableError {
    return error instanceof ServiceUnavailableError
  }
}

/** Folds any text into one line of at most 400 characters, so that it fits into an error message. */
export function oneLine(text: string): string {
  const folded = text.replaceAll(/\s+/g, ' ').trim()
  return folded.length > 400 ? `${folded.slice(0, 399)}…` : folded
}

/** The message of whatever was thrown; some connection errors carry it only in their parts. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((part) => describeError(part)).join(', ')
  }
  return error instanceof Error ? error.message : String(error)
}
