const brand = Symbol.for('@mreg/core/MregError')

/** What a caller does about an error; the app maps each kind once, to an HTTP status or a JSON-RPC error. */
export type ErrorKind =
  | 'validation'
  | 'not-found'
  | 'conflict'
  | 'unauthenticated'
  | 'forbidden'
  | 'unavailable'
  | 'rate-limited'
  | 'configuration'

/**
 * The base of every error that this product raises on purpose.
 *
 * `code` is stable and safe to show; `message` says what is wrong, where, and what to do, and never
 * holds a secret. Use {@link MregError.is} rather than `instanceof`: it also recognises an error of a
 * second copy of this package.
 */
export class MregError extends Error {
  readonly [brand] = true
  /** What a caller does about it. */
  readonly kind: ErrorKind
  /** Stable, in `snake_case`; clients may switch on it. */
  readonly code: string

  constructor(kind: ErrorKind, code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.kind = kind
    this.code = code
  }

  /** Whether `error` is a {@link MregError}, whichever copy of this package made it. */
  static is(error: unknown): error is MregError {
    return typeof error === 'object' && error !== null && brand in error
  }
}

/** Whether `error` is a {@link MregError} of the given kind. */
export const isErrorOfKind = (error: unknown, kind: ErrorKind): error is MregError =>
  MregError.is(error) && error.kind === kind
