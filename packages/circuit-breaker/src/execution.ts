import type { Permit } from './permit.ts'

/** What the work of `execute` is handed. */
export interface ExecuteContext {
  /** Aborts when the caller aborts or the time is up. Undefined when neither can happen. */
  readonly signal: AbortSignal | undefined
  /** For work that knows its outcome before it ends, such as a stream once its headers are in: settle it early. */
  readonly permit: Permit
}

export interface ExecuteOptions<T> {
  /** Rejects with its reason, and gives the permit back without a verdict, as soon as it aborts. */
  readonly signal?: AbortSignal | undefined
  /** Fails the call after this many milliseconds, with a `TimeoutError` DOMException. Undefined: no limit, no timer. */
  readonly timeoutMs?: number | undefined
  /**
   * Answers in the place of a call that was refused, failed or timed out; called at most once, with the reason. Not called
   * when the caller aborted. Its own outcome concerns no circuit.
   */
  readonly fallback?: ((reason: unknown) => T | PromiseLike<T>) | undefined
}

export type Work<T> = (context: ExecuteContext) => T | PromiseLike<T>

/** Thrown values may be nothing at all, which must not look like a call that returned. */
export const thrown = (error: unknown): unknown => error ?? new Error('the call threw no error object')

/** A promise rejected with what someone else threw, whatever that is. */
export async function rejected(reason: unknown): Promise<never> {
  throw reason
}

/** Runs work with nothing to wait for but itself: two callbacks, no frame, no timer. */
export function run<T>(permit: Permit, work: Work<T>): Promise<T> {
  let pending: T | PromiseLike<T>
  try {
    pending = work({ signal: undefined, permit })
  } catch (error) {
    permit.settle(thrown(error))
    return rejected(error)
  }
  return Promise.resolve(pending).then(
    (result) => {
      permit.settle(undefined, result)
      return result
    },
    (error: unknown) => {
      permit.settle(thrown(error))
      throw error
    },
  )
}

/** Runs work that a signal or a time limit may cut short. Whatever ends first settles, and leaves nothing behind. */
export function runGuarded<T>(
  permit: Permit,
  work: Work<T>,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const controller = timeoutMs === undefined ? undefined : new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const leave = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
    const cut = (reason: unknown, settle: () => void): void => {
      leave()
      settle()
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the reason is the caller's, whatever it is
      reject(reason)
      // Last: its listeners are the work's own, and may do anything.
      controller?.abort(reason)
    }
    const onAbort = (): void => cut(signal?.reason, () => permit.release())
    signal?.addEventListener('abort', onAbort)
    if (timeoutMs !== undefined) {
      timer = setTimeout(() => {
        const reason = new DOMException(`the call took longer than ${timeoutMs} ms`, 'TimeoutError')
        cut(reason, () => permit.settle(reason))
      }, timeoutMs)
      // Node's timers would keep the process alive; a browser's are numbers.
      ;(timer as { unref?: () => void }).unref?.()
    }
    const ended =
      <Value>(settle: (value: Value) => void) =>
      (value: Value): void => {
        leave()
        settle(value)
      }
    run(permit, () => work({ signal: controller?.signal ?? signal, permit })).then(
      ended(resolve),
      ended(reject),
    )
  })
}
