import assert from 'node:assert/strict'

import type { CircuitBreaker, CircuitSnapshot, Outcome, Permit, TransitionEvent } from '../../src/index.ts'
import { ManualClock } from '../manual-clock.ts'
import type { Action, Settlement } from './actions.ts'
import { optionsOf, RetryLater, type Config, type Library } from './config.ts'
import { Oracle, type Call, type Edge } from './oracle.ts'

const RETRY_LATER_MS = 1300

/** Plays a scenario on a breaker and on the oracle, and holds one against the other after every step. */
export class Run {
  readonly #library: Library
  readonly #config: Config
  readonly #clock = new ManualClock()
  readonly #oracle: Oracle
  readonly #calls: { permit: Permit; call: Call }[] = []
  readonly #isolations: { handle: Disposable; held: boolean; ours: boolean }[] = []
  #edges: Edge[] = []
  #breaker: CircuitBreaker

  constructor(library: Library, config: Config) {
    this.#library = library
    this.#config = config
    this.#oracle = new Oracle(config, this.#clock.now())
    this.#breaker = this.#make()
    this.#listen()
  }

  /** Every transition that the scenario caused, as `from->to`. */
  get edges(): string[] {
    return this.#oracle.edges.map(({ from, to }) => `${from}->${to}`)
  }

  play(actions: readonly Action[]): void {
    for (const action of actions) {
      this.#do(action)
      this.#compare()
    }
  }

  #do(action: Action): void {
    const { clock, oracle, breaker } = { clock: this.#clock, oracle: this.#oracle, breaker: this.#breaker }
    const now = clock.now()
    switch (action.do) {
      case 'advance':
        clock.advance(action.ms)
        oracle.pass(clock.now())
        return
      case 'acquire':
        this.#acquire(action.stamped)
        return
      case 'settle': {
        const chosen = this.#calls[action.which % Math.max(1, this.#calls.length)]
        if (chosen) this.#settle(chosen, action.how, action.stamped)
        return
      }
      case 'record':
        breaker.record(action.outcome, action.durationMs)
        oracle.recordOutcome(action.outcome, action.durationMs, now)
        return
      case 'trip':
        breaker.trip(action.openMs === undefined ? {} : { openMs: action.openMs })
        oracle.trip(now, action.openMs)
        return
      case 'isolate':
        this.#isolations.push({ handle: breaker.isolate('maintenance'), held: true, ours: true })
        oracle.isolations++
        return
      case 'resume': {
        const chosen = this.#isolations[action.which % Math.max(1, this.#isolations.length)]
        chosen?.handle[Symbol.dispose]()
        if (chosen?.held && chosen.ours) oracle.isolations--
        if (chosen) chosen.held = false
        return
      }
      case 'mode':
        breaker.mode = action.mode
        oracle.setMode(action.mode, now)
        return
      case 'reset':
        breaker.reset()
        oracle.reset(now)
        return
      case 'restart':
        this.#restart()
        return
      case 'adopt':
        assert.equal(breaker.adopt(action.record), oracle.adopt(action.record, now), 'adopt')
        oracle.pass(now)
        return
      case 'suspect':
        breaker.suspect(action.record)
        oracle.suspect(action.record, now)
        return
      case 'jumpWall':
        clock.jumpWall(action.ms)
        return
      case 'tripIt':
        for (let call = 0; call < 12 && oracle.state === 'closed'; call++) {
          const chosen = this.#acquire(false)
          if (chosen) this.#settle(chosen, 'failure', false)
        }
        return
      case 'waitOpen':
        clock.advance(Math.min(breaker.retryAfterMs, 10_000))
        oracle.pass(clock.now())
        return
      case 'probeOk':
        for (let call = 0; call < 4 && oracle.state === 'half-open'; call++) {
          const chosen = this.#acquire(false)
          if (chosen) this.#settle(chosen, 'success', false)
        }
    }
  }

  #acquire(stamped: boolean): { permit: Permit; call: Call } | undefined {
    const now = this.#clock.now()
    const permit = stamped ? this.#breaker.tryAcquire(now) : this.#breaker.tryAcquire()
    const call = this.#oracle.acquire(now)
    assert.equal(permit === null, call === null, 'admission')
    if (permit === null || call === null) return undefined
    assert.equal(permit.probe, call.probe, 'probe')
    const chosen = { permit, call }
    this.#calls.push(chosen)
    return chosen
  }

  #settle({ permit, call }: { permit: Permit; call: Call }, how: Settlement, stamped: boolean): void {
    const now = this.#clock.now()
    const stamp = stamped ? [now] : []
    const outcomes: Record<Settlement, [outcome: Outcome, act: () => unknown]> = {
      success: ['success', () => permit.success(...stamp)],
      failure: ['failure', () => permit.failure(new Error('down'), ...stamp)],
      ignored: ['ignored', () => permit.release()],
      dispose: ['ignored', () => permit[Symbol.dispose]()],
      error: ['failure', () => permit.settle(new Error('down'), undefined, ...stamp)],
      result: ['success', () => permit.settle(undefined, 'fine', ...stamp)],
      abort: ['ignored', () => permit.settle(new DOMException('gone', 'AbortError'), undefined, ...stamp)],
      'retry-later': ['failure', () => permit.settle(new RetryLater(RETRY_LATER_MS), undefined, ...stamp)],
    }
    const [outcome, act] = outcomes[how]
    act()
    this.#oracle.settle(call, outcome, now, how === 'retry-later' ? RETRY_LATER_MS : undefined)
    this.#oracle.pass(now)
  }

  /** The breaker is saved, travels as text, and a fresh one takes its place. */
  #restart(): void {
    const now = this.#clock.now()
    // What time alone has changed is not in a snapshot until a call has noticed.
    this.#breaker.record('ignored')
    const saved: CircuitSnapshot = JSON.parse(JSON.stringify(this.#breaker.snapshot()))
    const { mode } = this.#breaker
    this.#breaker = this.#make()
    this.#breaker.mode = mode
    this.#breaker.restore(saved)
    this.#breaker.record('ignored')
    this.#listen()
    this.#oracle.restart()
    this.#oracle.recordOutcome('ignored', 0, now)
    this.#calls.length = 0
    for (const isolation of this.#isolations) isolation.ours = false
  }

  #make(): CircuitBreaker {
    const options = optionsOf(this.#library, this.#config)
    return new this.#library.CircuitBreaker({ ...options, clock: this.#clock, onListenerError: () => {} })
  }

  #listen(): void {
    const edges: Edge[] = []
    this.#edges = edges
    const breaker = this.#breaker
    breaker.on('transition', ({ from, to, reason, at }: TransitionEvent) =>
      edges.push({ from, to, reason, at }),
    )
    // A listener may look at everything and may fail: neither may show.
    breaker.on('transition', () => {
      breaker.snapshot()
      throw new Error(`listener met ${breaker.state} with ${breaker.stats.acquired} calls`)
    })
  }

  #compare(): void {
    const now = this.#clock.now()
    const { counts, edges } = this.#oracle
    const breaker = this.#breaker
    assert.equal(breaker.state, this.#oracle.state, 'state')
    assert.equal(breaker.retryAfterMs, this.#oracle.retryAfterMs(now), 'retryAfterMs')
    const { stats } = breaker
    assert.deepEqual(stats.window, this.#oracle.totals(now), 'window')
    assert.deepEqual(
      [stats.acquired, stats.successes, stats.failures, stats.ignored, stats.stale, stats.outstanding],
      [
        counts.acquired,
        counts.success,
        counts.failure,
        counts.ignored,
        counts.stale,
        this.#oracle.outstanding,
      ],
      'counters',
    )
    assert.deepEqual(stats.rejected, {
      open: counts.open,
      probing: counts.probing,
      isolated: counts.isolated,
    })
    // The breaker tells of what time did when a call notices, never later and in the same words.
    assert.deepEqual(this.#edges, edges.slice(0, this.#edges.length), 'events')
  }
}
