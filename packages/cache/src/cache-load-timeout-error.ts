const brand = Symbol.for('@mreg/cache/CacheLoadTimeoutError')

/** A load took longer than it may. Its signal was aborted. */
export class CacheLoadTimeoutError extends Error {
  readonly [brand] = true
  readonly code = 'ERR_CACHE_LOAD_TIMEOUT'
  readonly timeoutMs: number

  constructor(timeoutMs: number) {
    super(`the value was not loaded within ${timeoutMs} ms`)
    this.name = 'CacheLoadTimeoutError'
    this.timeoutMs = timeoutMs
  }

  /** Whether `error` is one, whichever copy of this package made it. */
  static is(error: unknown): error is CacheLoadTimeoutError {
    return typeof error === 'object' && error !== null && brand in error
  }
}
