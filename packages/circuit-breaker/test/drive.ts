import type { CircuitBreaker } from '../src/index.ts'

/** The same call fails so many times in a row, by permits. */
export function failTimes(breaker: CircuitBreaker, times: number): void {
  for (let call = 0; call < times; call++) breaker.acquire().failure(new Error('down'))
}

export function succeedTimes(breaker: CircuitBreaker, times: number): void {
  for (let call = 0; call < times; call++) breaker.acquire().success()
}

/** What a synchronous call throws; undefined when it returns. */
export function thrownBy(act: () => unknown): unknown {
  try {
    act()
    return undefined
  } catch (error) {
    return error
  }
}

/** What a promise rejects with; undefined when it does not. */
export function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** A promise and its ends. */
export function deferred<T>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
} {
  return Promise.withResolvers<T>()
}
