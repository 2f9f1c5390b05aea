import { isRecord } from './checks.ts'

/** Why a call was refused: the circuit is open; it is half-open and every probe is taken; someone isolated it. */
export type RejectReason = 'open' | 'probing' | 'isolated'

const BRAND = Symbol.for('@mreg/circuit-breaker/open-error')

/**
 * A circuit breaker refused the call: nothing was tried. Raised by `acquire`, `execute`, `executeSync` and wrapped
 * functions. It carries no stack when a breaker makes it: it is expected, frequent, and says nothing about the code
 * that met it.
 */
export class CircuitBreakerOpenError extends Error {
  declare readonly name: 'CircuitBreakerOpenError'
  /** Stable across versions. */
  readonly code = 'ERR_CIRCUIT_OPEN'
  /** The name of the breaker that refused. */
  readonly breaker: string
  readonly reason: RejectReason
  /**
   * Milliseconds until a call can be admitted: the rest of the open period; 0 while probing (it may be over at any
   * moment); `Infinity` while isolated.
   */
  readonly retryAfterMs: number

  constructor(breaker: string, reason: RejectReason, retryAfterMs: number) {
    const hint = reason === 'open' ? `, retry in ${Math.ceil(retryAfterMs)} ms` : ''
    super(`circuit breaker "${breaker}" is ${reason}${hint}`)
    this.breaker = breaker
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }

  static {
    // On the prototype, as the names of errors are: an error is made for every refused call.
    Object.assign(this.prototype, { name: 'CircuitBreakerOpenError', [BRAND]: true })
  }

  /** True for an open error of any copy of this library (it is branded, so duplicate installs and realms agree). */
  static is(error: unknown): error is CircuitBreakerOpenError {
    return isRecord(error) && BRAND in error
  }
}

/** Makes the error without walking the stack, which is three quarters of what an error costs. */
export function openErrorWithoutStack(
  breaker: string,
  reason: RejectReason,
  retryAfterMs: number,
): CircuitBreakerOpenError {
  const limit = Error.stackTraceLimit
  setStackTraceLimit(0)
  const error = new CircuitBreakerOpenError(breaker, reason, retryAfterMs)
  setStackTraceLimit(limit)
  return error
}

function setStackTraceLimit(limit: number): void {
  try {
    Error.stackTraceLimit = limit
  } catch {
    // Frozen intrinsics: the error keeps its stack.
  }
}
