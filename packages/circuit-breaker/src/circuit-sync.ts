import type { CircuitBreaker } from './circuit-breaker.ts'
import { isTransitionRecord, type TransitionRecord } from './transition-record.ts'

/**
 * How transitions travel between processes: a channel of your own. Nothing ever waits for it; while it is down, each
 * process goes by what it sees itself.
 */
export interface CircuitSync {
  /** Tells the others. May fail: the error goes to `onError`. */
  publish(record: TransitionRecord): void | Promise<void>
  /** Calls `apply` with what the others tell, in any order, any number of times. Returns how to stop. */
  subscribe(apply: (record: TransitionRecord) => void): () => void
}

/**
 * What other processes said of one circuit. An opening is believed when enough witnesses agree, this process being one
 * while its own calls fail: so a process that is itself at fault cannot open the circuits of the others.
 */
export class Testimony {
  /** Until when each origin's word lasts, in local monotonic time. Never more than `quorum` of them. */
  readonly #until = new Map<string, number>()

  hear(record: TransitionRecord, breaker: CircuitBreaker, quorum: number, now: number): void {
    if (record.state === 'closed') {
      this.#until.clear()
      breaker.adopt(record)
      return
    }
    for (const [origin, until] of this.#until) {
      if (until <= now || origin === record.origin || this.#until.size >= quorum) this.#until.delete(origin)
    }
    this.#until.set(record.origin, now + record.openRemainingMs)
    const { state, window } = breaker.stats
    const ownWord = state === 'closed' && window.failures > 0 ? 1 : 0
    if (this.#until.size + ownWord >= quorum) breaker.adopt(record)
    else if (state === 'closed' && this.#until.size + 1 >= quorum) breaker.suspect(record)
  }
}

/** Joins a channel; every failure of it goes to `fail`. Returns how to publish and how to leave. */
export function joinSync(
  sync: CircuitSync,
  hear: (record: TransitionRecord) => void,
  fail: (error: unknown) => void,
): { readonly publish: (record: TransitionRecord) => void; readonly leave: () => void } {
  const guard = (act: () => unknown): void => {
    try {
      const result = act()
      if (result instanceof Promise) result.catch(fail)
    } catch (error) {
      fail(error)
    }
  }
  let stop: (() => void) | undefined
  guard(() => {
    stop = sync.subscribe((record: unknown) =>
      guard(() => {
        if (!isTransitionRecord(record))
          throw new TypeError('circuit breaker: received what is no transition record')
        hear(record)
      }),
    )
  })
  return {
    publish: (record) => guard(() => sync.publish(record)),
    leave: () =>
      guard(() => {
        stop?.()
        stop = undefined
      }),
  }
}
