import type {
  CircuitBreaker,
  CircuitBreakerOptions,
  CircuitState,
  Permit,
  TransitionEvent,
} from '../../src/index.ts'
import { ManualClock } from '../manual-clock.ts'
import type { Action } from './actions.ts'
import { RetryLater, type Library } from './config.ts'

const RETRY_LATER_MS = 1300

export interface Sighting {
  readonly state: CircuitState
  readonly retryAfterMs: number
  readonly admitted: boolean | undefined
  readonly window: unknown
}

/** Plays scenarios on a breaker and writes down what shows, to hold two breakers against each other. */
export class Player {
  readonly clock: ManualClock
  readonly breaker: CircuitBreaker
  readonly transitions: string[] = []
  /** One for each attempt; undefined where it was refused, so that two players can speak of the same call. */
  readonly permits: (Permit | undefined)[] = []
  readonly #scale: number
  readonly #isolations: Disposable[] = []
  #admitted: boolean | undefined

  /** @param scale what every duration of the scenario is multiplied by */
  constructor(library: Library, options: CircuitBreakerOptions, clock = new ManualClock(), scale = 1) {
    this.clock = clock
    this.#scale = scale
    this.breaker = new library.CircuitBreaker({ ...options, clock, onListenerError: () => {} })
    this.breaker.on('transition', ({ from, to, reason }: TransitionEvent) =>
      this.transitions.push(`${from}->${to} ${reason}`),
    )
  }

  play(actions: readonly Action[]): Sighting[] {
    return actions.map((action) => {
      this.#admitted = undefined
      this.do(action)
      return this.look()
    })
  }

  look(): Sighting {
    const { state, retryAfterMs, stats } = this.breaker
    return { state, retryAfterMs: retryAfterMs / this.#scale, admitted: this.#admitted, window: stats.window }
  }

  do(action: Action): void {
    const { breaker, clock } = this
    const scale = this.#scale
    switch (action.do) {
      case 'advance':
        clock.advance(action.ms * scale)
        return
      case 'acquire':
        this.acquire()
        return
      case 'settle':
        this.settle(
          action.which,
          action.how === 'retry-later' ? new RetryLater(RETRY_LATER_MS * scale) : action.how,
        )
        return
      case 'record':
        breaker.record(action.outcome, action.durationMs * scale)
        return
      case 'trip':
        breaker.trip(action.openMs === undefined ? {} : { openMs: action.openMs * scale })
        return
      case 'isolate':
        this.#isolations.push(breaker.isolate())
        return
      case 'resume':
        this.#isolations[action.which % Math.max(1, this.#isolations.length)]?.[Symbol.dispose]()
        return
      case 'reset':
        breaker.reset()
        return
      case 'adopt':
        breaker.adopt({ ...action.record, openRemainingMs: action.record.openRemainingMs * scale })
        return
      case 'suspect':
        breaker.suspect({ ...action.record, openRemainingMs: action.record.openRemainingMs * scale })
        return
      case 'jumpWall':
        clock.jumpWall(action.ms)
        return
      case 'mode':
        breaker.mode = action.mode
        return
      case 'tripIt':
        for (let call = 0; call < 12 && breaker.state === 'closed'; call++) this.acquire()?.failure()
        return
      case 'waitOpen':
        clock.advance(Math.min(breaker.retryAfterMs, 10_000 * scale))
        return
      case 'probeOk':
        for (let call = 0; call < 4 && breaker.state === 'half-open'; call++) this.acquire()?.success()
        return
      case 'restart':
    }
  }

  acquire(): Permit | undefined {
    const permit = this.breaker.tryAcquire() ?? undefined
    this.#admitted = permit !== undefined
    this.permits.push(permit)
    return permit
  }

  settle(
    which: number,
    how: RetryLater | 'success' | 'result' | 'ignored' | 'dispose' | 'abort' | 'failure' | 'error',
  ): void {
    const permit = this.permits[which % Math.max(1, this.permits.length)]
    if (how instanceof RetryLater) permit?.settle(how)
    else if (how === 'success' || how === 'result') permit?.success()
    else if (how === 'failure' || how === 'error') permit?.failure(new Error('down'))
    else permit?.release()
  }
}
