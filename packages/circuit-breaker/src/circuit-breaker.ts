import { Automaton } from './automaton.ts'
import { check, checkChoice, checkPositive, isAtLeast } from './checks.ts'
import type { CircuitMode, CircuitState } from './circuit-state.ts'
import { openErrorWithoutStack, type CircuitBreakerOpenError } from './errors.ts'
import { eventStream, type EventStreamOptions } from './event-stream.ts'
import type { CircuitEvent, CircuitEventOf, CircuitEventType } from './events.ts'
import { rejected, run, runGuarded, thrown, type ExecuteOptions, type Work } from './execution.ts'
import type { CircuitBreakerOptions } from './options.ts'
import { OUTCOMES, type Outcome } from './outcome.ts'
import type { Permit } from './permit.ts'
import { CircuitPolicy, MODES } from './policy.ts'
import { checkSnapshot, type CircuitSnapshot } from './snapshot.ts'
import type { CircuitStats } from './stats.ts'
import { copyRecord, isTransitionRecord, type TransitionRecord } from './transition-record.ts'

const defaultPolicy = new CircuitPolicy({})

/**
 * Stops calling what keeps failing, and finds out when it works again. Closed: calls pass, and the trip rule counts.
 * Open: every call is refused at once. Half-open: a few probes pass and decide.
 *
 * It keeps no timer and no queue, so it never holds a process alive, and there is nothing to dispose of.
 *
 * @example
 * const breaker = new CircuitBreaker({ name: 'payments', trip: consecutive(5), openMs: 30_000 })
 * const receipt = await breaker.execute(({ signal }) => fetch(url, { signal }), { timeoutMs: 2000 })
 */
export class CircuitBreaker {
  readonly #automaton: Automaton

  /**
   * @param options checked and copied here; or a policy of `definePolicy`, to hold it once for many breakers
   * @param name takes the place of the name in the options
   * @throws RangeError, TypeError naming the option that cannot be
   */
  constructor(options?: CircuitBreakerOptions | CircuitPolicy, name?: string) {
    const policy =
      options instanceof CircuitPolicy ? options : options ? new CircuitPolicy(options) : defaultPolicy
    this.#automaton = new Automaton(policy, name ?? policy.name)
  }

  get name(): string {
    return this.#automaton.name
  }

  /** The state as it is now, elapsed time included. Reading it, like every other reading, changes nothing. */
  get state(): CircuitState {
    const automaton = this.#automaton
    return automaton.isolated ? 'isolated' : automaton.phaseAt(automaton.read())
  }

  /** Milliseconds until a call can be admitted: 0 unless open (the rest of the open period) or isolated (`Infinity`). */
  get retryAfterMs(): number {
    const automaton = this.#automaton
    return automaton.isolated ? Infinity : automaton.openRemainingAt(automaton.read())
  }

  /** What was counted, as a copy of its own. */
  get stats(): CircuitStats {
    return this.#automaton.stats()
  }

  /** May be changed at any time. Going `off` closes the circuit and forgets what it had counted towards opening. */
  get mode(): CircuitMode {
    return this.#automaton.mode
  }

  set mode(mode: CircuitMode) {
    checkChoice('mode', mode, MODES)
    this.#automaton.mode = mode
  }

  /**
   * Leave to make one call, or null: the form for hot paths, without a promise, a closure or an error. Settle the permit
   * in a `finally`, or declare it with `using`.
   *
   * @param now the time of the breaker's clock (`performance.now()` by default), when the caller has read it already
   */
  tryAcquire(now?: number): Permit | null {
    return this.#automaton.tryAcquire(now)
  }

  /**
   * Like `tryAcquire`, but says why not.
   *
   * @throws CircuitBreakerOpenError when the call is refused
   */
  acquire(now?: number): Permit {
    const permit = this.#automaton.tryAcquire(now)
    if (permit === null) throw this.#refusal()
    return permit
  }

  /**
   * Makes one call through the circuit. Gives what `work` gives, or rejects with the very error that it threw, with
   * CircuitBreakerOpenError when refused, with the signal's reason when aborted, with a `TimeoutError` when out of time.
   *
   * `work` is called once or not at all, before `execute` returns, and may be synchronous.
   */
  execute<T>(work: Work<T>, options?: ExecuteOptions<T>): Promise<T> {
    if (options === undefined) {
      const permit = this.#automaton.tryAcquire()
      return permit === null ? Promise.reject(this.#refusal()) : run(permit, work)
    }
    const { signal, fallback } = options
    const outcome = this.#executeWith(work, options)
    if (fallback === undefined) return outcome
    return outcome.catch((reason: unknown) => {
      if (signal?.aborted && reason === signal.reason) throw reason
      return fallback(reason)
    })
  }

  #executeWith<T>(work: Work<T>, { signal, timeoutMs }: ExecuteOptions<T>): Promise<T> {
    try {
      if (timeoutMs !== undefined) checkTimeout(timeoutMs)
      signal?.throwIfAborted()
      const permit = this.acquire()
      return signal === undefined && timeoutMs === undefined
        ? run(permit, work)
        : runGuarded(permit, work, signal, timeoutMs)
    } catch (error) {
      return rejected(error)
    }
  }

  /**
   * Makes one synchronous call through the circuit. For work that gives a promise use `execute`: here its failure would
   * go unseen.
   *
   * @throws CircuitBreakerOpenError when refused; what `work` throws
   */
  executeSync<T>(work: () => T): T {
    const permit = this.acquire()
    let result: T
    try {
      result = work()
    } catch (error) {
      permit.settle(thrown(error))
      throw error
    }
    permit.settle(undefined, result)
    return result
  }

  /** The same function behind this breaker. */
  wrap<Arguments extends unknown[], T>(
    work: (...args: Arguments) => T | PromiseLike<T>,
  ): (...args: Arguments) => Promise<T> {
    return (...args) => this.execute(() => work(...args))
  }

  /**
   * Counts an outcome that no permit stands for: a health check, a stream that broke after its permit was settled. It is
   * heard while closed; otherwise it is stale.
   *
   * @param durationMs how long it took, for rules about slow calls; 0 when undefined
   */
  record(outcome: Outcome, durationMs = 0): void {
    checkChoice('outcome', outcome, OUTCOMES)
    this.#automaton.record(outcome, durationMs)
  }

  /**
   * Opens now, by hand or because the upstream said when to come back. On an open circuit it can only make the open
   * period longer. No effect in mode `off`.
   *
   * @param options.openMs for how long; the option `openMs` decides when undefined
   * @param options.cause told to listeners
   */
  trip(options: { readonly openMs?: number | undefined; readonly cause?: unknown } = {}): void {
    if (options.openMs !== undefined) checkPositive('openMs', options.openMs)
    this.#automaton.trip(options.openMs, options.cause)
  }

  /**
   * Refuses every call, in every mode, until the handle is disposed of. Isolations add up: the last one to go ends it.
   * The circuit beneath goes on as it was.
   *
   * @param reason told to listeners
   */
  isolate(reason?: string): Disposable {
    const release = this.#automaton.isolate(reason)
    return { [Symbol.dispose]: release }
  }

  /** Closes now and forgets what led here. Counters and isolations stay. */
  reset(): void {
    this.#automaton.reset()
  }

  /**
   * Listens. What a listener throws goes to `onListenerError`, never to a caller. Listeners run synchronously and may call
   * anything.
   *
   * @param options.signal ends it
   * @returns ends it
   */
  on<Type extends CircuitEventType>(
    type: Type,
    listener: (event: CircuitEventOf<Type>) => unknown,
    options?: { readonly signal?: AbortSignal | undefined },
  ): () => void {
    return this.#automaton.emitter.on(type, listener, options?.signal)
  }

  /** The events from now on, to iterate over. Bounded: a slow reader loses the oldest. */
  events(options?: EventStreamOptions): AsyncIterableIterator<CircuitEvent> {
    return eventStream(this.#automaton.emitter, options)
  }

  /** Everything that decides what it will do next, as plain data. */
  snapshot(): CircuitSnapshot {
    return this.#automaton.snapshot()
  }

  /**
   * Takes the place of a breaker that was saved. The wall-clock time since then counts towards its open period; permits
   * given before are stale.
   *
   * @throws TypeError naming the field that is not valid
   */
  restore(snapshot: CircuitSnapshot): void {
    checkSnapshot(snapshot)
    this.#automaton.restore(snapshot)
  }

  /**
   * Takes over a transition of another process, if it is newer than what is known here. True when it did. Adopting twice,
   * or in another order, comes to the same.
   *
   * @throws TypeError when it is not a record
   */
  adopt(remote: TransitionRecord): boolean {
    return this.#automaton.adopt(ownRecord(remote))
  }

  /**
   * The careful form of `adopt` for an opening that only one process vouches for: nothing moves, but for as long as that
   * opening lasts the next failure here opens too.
   *
   * @throws TypeError when it is not a record
   */
  suspect(remote: TransitionRecord): void {
    this.#automaton.suspect(ownRecord(remote))
  }

  #refusal(): CircuitBreakerOpenError {
    const { name, refusal = 'open' } = this.#automaton
    return openErrorWithoutStack(name, refusal, this.retryAfterMs)
  }
}

function ownRecord(value: TransitionRecord): TransitionRecord {
  if (!isTransitionRecord(value)) throw new TypeError('circuit breaker: this is not a transition record')
  return copyRecord(value)
}

function checkTimeout(timeoutMs: number): void {
  // A timer of more than 31 bits fires at once.
  check(
    'timeoutMs',
    timeoutMs,
    isAtLeast(timeoutMs, Number.MIN_VALUE) && timeoutMs < 2 ** 31,
    'above 0 and below 2^31',
  )
}
