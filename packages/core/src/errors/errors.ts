import { isErrorOfKind, MregError } from './mreg-error.ts'

/** One thing that is wrong with an input. */
export interface Fault {
  /** Where: a dotted path into the input, such as `endpoints.0.url`; empty for the whole input. */
  readonly path: string
  /** What is wrong and what would be right; never the value of a secret. */
  readonly message: string
}

/** The input does not say what it must. Lists every fault that was found, not only the first. */
export class ValidationError extends MregError {
  readonly faults: readonly Fault[]

  constructor(faults: readonly Fault[], options?: ErrorOptions & { readonly code?: string }) {
    const text = faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
    super('validation', options?.code ?? 'invalid_input', text, options)
    this.faults = faults
  }

  static override is(error: unknown): error is ValidationError {
    return isErrorOfKind(error, 'validation')
  }
}

/** What was asked for does not exist, or not for this caller: the two are never told apart. */
export class NotFoundError extends MregError {
  constructor(code: string, message: string, options?: ErrorOptions) {
    super('not-found', code, message, options)
  }

  static override is(error: unknown): error is NotFoundError {
    return isErrorOfKind(error, 'not-found')
  }
}

/** The change collides with what is there: a taken name, a newer revision, another owner. */
export class ConflictError extends MregError {
  constructor(code: string, message: string, options?: ErrorOptions) {
    super('conflict', code, message, options)
  }

  static override is(error: unknown): error is ConflictError {
    return isErrorOfKind(error, 'conflict')
  }
}

/** The caller did not prove who it is. */
export class UnauthenticatedError extends MregError {
  constructor(code: string, message: string, options?: ErrorOptions) {
    super('unauthenticated', code, message, options)
  }

  static override is(error: unknown): error is UnauthenticatedError {
    return isErrorOfKind(error, 'unauthenticated')
  }
}

/** The caller is known, or was refused before it mattered, and may not do this. */
export class ForbiddenError extends MregError {
  constructor(code: string, message: string, options?: ErrorOptions) {
    super('forbidden', code, message, options)
  }

  static override is(error: unknown): error is ForbiddenError {
    return isErrorOfKind(error, 'forbidden')
  }
}

/** Something that is needed does not answer at the moment; the same request may succeed later. */
export class UnavailableError extends MregError {
  /** After how many milliseconds another try makes sense; undefined when that is not known. */
  readonly retryAfterMs: number | undefined

  constructor(code: string, message: string, options?: ErrorOptions & { readonly retryAfterMs?: number }) {
    super('unavailable', code, message, options)
    this.retryAfterMs = options?.retryAfterMs
  }

  static override is(error: unknown): error is UnavailableError {
    return isErrorOfKind(error, 'unavailable')
  }
}

/** How much is allowed, for whoever tells it to the client. */
export interface RateLimitedOptions extends ErrorOptions {
  /** After how many milliseconds another try makes sense. */
  readonly retryAfterMs: number
  /** Whose requests are counted, such as `principal`; undefined: it is not about how many there were in a time. */
  readonly policy?: string | undefined
  /** How many requests are allowed in `windowMs`. */
  readonly quota?: number | undefined
  /** In milliseconds. */
  readonly windowMs?: number | undefined
}

/** The caller, or its tenant, asks for more than its share; the same request may succeed later. */
export class RateLimitedError extends MregError {
  readonly retryAfterMs: number
  readonly policy: string | undefined
  readonly quota: number | undefined
  readonly windowMs: number | undefined

  constructor(code: string, message: string, options: RateLimitedOptions) {
    super('rate-limited', code, message, options)
    this.retryAfterMs = options.retryAfterMs
    this.policy = options.policy
    this.quota = options.quota
    this.windowMs = options.windowMs
  }

  static override is(error: unknown): error is RateLimitedError {
    return isErrorOfKind(error, 'rate-limited')
  }
}

/** The machine or its set-up does not let the process do its work: a port, a directory, a key. */
export class ConfigurationError extends MregError {
  constructor(code: string, message: string, options?: ErrorOptions) {
    super('configuration', code, message, options)
  }

  static override is(error: unknown): error is ConfigurationError {
    return isErrorOfKind(error, 'configuration')
  }
}
