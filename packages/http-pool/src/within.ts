import { MAX_TIMER_MS } from './phase-timer.ts'

/**
 * `work`, or `onLate()` when it is not done after `delayMs`. What has arrived by then is looked at first: on a machine that
 * stood still the timer and the answer are due at once, and the answer counts.
 */
export const within = <Value>(work: Promise<Value>, delayMs: number, onLate: () => Value): Promise<Value> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => {
        setImmediate(() => {
          try {
            resolve(onLate())
          } catch (error) {
            reject(error instanceof Error ? error : new Error('late', { cause: error }))
          }
        })
      },
      Math.min(delayMs, MAX_TIMER_MS),
    )
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
