import { askClassify, usableOpenMs } from './advice.ts'
import type { CircuitMode, CircuitPhase } from './circuit-state.ts'
import { defaultClassify, isLocalFault } from './classification.ts'
import { Emitter } from './emitter.ts'
import type { RejectReason } from './errors.ts'
import type { CircuitEvent, TransitionReason } from './events.ts'
import { HalfOpen } from './half-open.ts'
import { Ledger } from './ledger.ts'
import type { Classification, Outcome } from './outcome.ts'
import { CircuitPermit, UNTRACKED, type PermitOwner } from './permit.ts'
import { openDuration, report, type CircuitPolicy } from './policy.ts'
import type { CircuitSnapshot } from './snapshot.ts'
import { NO_CALLS, type CircuitStats } from './stats.ts'
import { copyRecord, supersedes, type TransitionRecord } from './transition-record.ts'
import type { TripWindow } from './trip/trip-rule.ts'

/** An opening elsewhere, acted upon at the next failure here while it lasts. */
interface Suspicion {
  readonly record: TransitionRecord
  readonly until: number
}

/** What a transition brings with it. */
interface Arrival {
  readonly cause?: unknown
  readonly record?: TransitionRecord | undefined
  readonly halfOpen?: HalfOpen
  readonly window?: TripWindow | undefined
}

/**
 * The state machine. No timer moves it: what time alone would have changed is worked out by the next call that needs to
 * know (`#advance`), or only looked at by a reading (`#openUntil`). Each transition starts a new generation, and a permit
 * is heard only in its own: that one rule keeps late results, double settlements and forgotten probes from doing harm.
 */
export class Automaton implements PermitOwner {
  readonly name: string
  readonly policy: CircuitPolicy
  #phase: CircuitPhase = 'closed'
  #mode: CircuitMode
  #generation = 0
  #isolations = 0
  /** When the phase was entered. */
  #since = 0
  /** How long the last opening is or was. */
  #openForMs = 0
  #openings = 0
  /** The random part of the next opening: drawn ahead, so that reading the state draws nothing. */
  #jitter: number
  readonly #ledger = new Ledger()
  // Each of these is made when it is first needed: most breakers of most processes never open.
  #window: TripWindow | undefined
  #halfOpen: HalfOpen | undefined
  #emitter: Emitter | undefined
  /** The last transition that processes share, ours or another's. */
  #record: TransitionRecord | undefined
  #suspicion: Suspicion | undefined

  constructor(policy: CircuitPolicy, name: string) {
    this.name = name
    this.policy = policy
    this.#mode = policy.mode
    this.#jitter = this.#drawJitter()
  }

  tryAcquire(now?: number): CircuitPermit | null {
    const { timesCalls, watchesCalls } = this.policy
    if (this.#phase !== 'closed' || this.#isolations > 0 || this.#mode === 'off' || watchesCalls) {
      return this.#tryAcquireSlowly(this.read(now))
    }
    return this.#admit(this.#generation, timesCalls ? this.read(now) : 0)
  }

  #tryAcquireSlowly(now: number): CircuitPermit | null {
    this.#advance(now)
    // Only now: a listener of what `#advance` did may have isolated the breaker or changed its mode.
    const refusal = this.refusal
    if (refusal === undefined) {
      if (this.#mode === 'off') return this.#admit(UNTRACKED)
      const permit = this.#admit(this.#generation, now, this.#halfOpen !== undefined)
      if (this.#halfOpen) this.#halfOpen.probes = [...this.#halfOpen.probes, permit]
      else this.#openWindow(now).enter?.(now)
      return permit
    }
    this.#ledger.refuse(refusal)
    if (this.#hears('reject')) this.#emit({ type: 'reject', name: this.name, reason: refusal })
    return this.#mode === 'observe' && refusal !== 'isolated' ? this.#admit(UNTRACKED) : null
  }

  #admit(generation: number, startedAt = 0, probe = false): CircuitPermit {
    this.#ledger.admit()
    return new CircuitPermit(this, generation, startedAt, probe)
  }

  /** Why a call would be refused in the present phase; undefined when it would not. */
  get refusal(): RejectReason | undefined {
    if (this.#isolations > 0) return 'isolated'
    if (this.#phase === 'open') return 'open'
    return this.#halfOpen?.hasPlace(this.policy) === false ? 'probing' : undefined
  }

  judge(permit: CircuitPermit, error: unknown, result: unknown, now?: number): Outcome {
    const advice = askClassify(this.policy, error, result)
    const outcome = advice?.outcome ?? defaultClassify(error)
    this.settle(permit, outcome, now, error, advice)
    return outcome
  }

  settle(
    permit: CircuitPermit,
    outcome: Outcome,
    now?: number,
    error?: unknown,
    advice?: Classification,
  ): void {
    const { policy } = this
    if (permit.generation === UNTRACKED) return this.#ledger.settle(outcome)
    let at = now
    if (this.#phase !== 'closed' || policy.watchesCalls) this.#advance((at = this.read(at)))
    if (permit.generation !== this.#generation) return this.#settleLate(outcome)
    this.#ledger.settle(outcome)
    if (policy.readsTime) at = this.read(at)
    const slow = at !== undefined && at - permit.startedAt > policy.slowMs
    if (this.#halfOpen)
      return this.#settleProbe(this.#halfOpen, permit, outcome, slow, this.read(at), error, advice)
    if (policy.watchesCalls) this.#window?.leave?.(permit.startedAt, this.read(at))
    if (outcome !== 'ignored') this.#settleCall(outcome === 'failure', slow, at, error, advice)
  }

  /** An outcome without a permit: it counts while closed, and is stale otherwise, for no one knows when it began. */
  record(outcome: Outcome, durationMs: number): void {
    this.#ledger.admit()
    const now = this.read()
    this.#advance(now)
    if (this.#phase !== 'closed') return this.#settleLate(outcome)
    this.#ledger.settle(outcome)
    if (outcome === 'ignored' || this.#mode === 'off') return
    this.#settleCall(outcome === 'failure', durationMs > this.policy.slowMs, now)
  }

  #openWindow(now: number): TripWindow {
    return (this.#window ??= this.policy.trip.open(now))
  }

  #settleCall(
    failed: boolean,
    slow: boolean,
    now: number | undefined,
    error?: unknown,
    advice?: Classification,
  ): void {
    const tripped = this.#openWindow(now ?? 0).record(failed, slow, now ?? 0)
    if (!tripped && !failed) return
    const at = this.read(now)
    if (failed && usableOpenMs(advice)) this.#open(at, 'retry-after', error, advice)
    else if (tripped && this.#mayOpen) this.#open(at, 'threshold', error, advice)
    else if (failed && this.#suspicion && at < this.#suspicion.until) {
      this.#openAs(this.#suspicion.record, this.#suspicion.until - at, at, error)
    }
  }

  #settleProbe(
    halfOpen: HalfOpen,
    probe: CircuitPermit,
    outcome: Outcome,
    slow: boolean,
    now: number,
    error: unknown,
    advice: Classification | undefined,
  ): void {
    const { successes, tolerate, trip } = this.policy
    halfOpen.probes = halfOpen.probes.filter((each) => each !== probe)
    if (outcome === 'ignored') return
    if (outcome === 'success' && !(slow && trip.countsSlowCalls)) {
      if (++halfOpen.passed >= successes) this.#close(now, 'recovered')
    } else if (usableOpenMs(advice)) this.#open(now, 'retry-after', error, advice)
    else if (++halfOpen.failed > tolerate) this.#open(now, 'probe-failed', error, advice)
  }

  /** Opens by hand. An open circuit is only ever kept open longer by it. */
  trip(openMs: number | undefined, cause: unknown): void {
    if (this.#mode === 'off') return
    const now = this.read()
    this.#advance(now)
    if (this.#phase !== 'open') this.#open(now, 'manual', cause, { outcome: 'failure', openMs })
    else if (openMs !== undefined && now + openMs > this.#since + this.#openForMs) {
      this.#since = now
      this.#openForMs = openMs
    }
  }

  reset(): void {
    const now = this.read()
    this.#advance(now)
    this.#openings = 0
    this.#close(now, 'manual')
  }

  get mode(): CircuitMode {
    return this.#mode
  }

  set mode(mode: CircuitMode) {
    // What is due was due in the mode that was.
    this.#advance(this.read())
    const before = this.#mode
    this.#mode = mode
    if (mode === 'off' && before !== 'off') this.reset()
  }

  isolate(reason: string | undefined): () => void {
    const step = (by: 1 | -1): void => {
      const before = this.#isolations
      this.#isolations += by
      if (before * this.#isolations === 0) {
        this.#emit({ type: 'isolation', name: this.name, isolated: by === 1, reason })
      }
    }
    step(1)
    let held = true
    return () => {
      if (held) {
        held = false
        step(-1)
      }
    }
  }

  /** Takes over a record of another process if it wins over what is known here. */
  adopt(record: TransitionRecord): boolean {
    const now = this.read()
    this.#advance(now)
    if (this.#mode === 'off' || !supersedes(record, this.#record)) return false
    if (record.state === 'open') this.#openAs(record, record.openRemainingMs, now)
    else {
      this.#record = record
      if (this.#phase !== 'closed') this.#close(now, 'remote')
    }
    return true
  }

  /** Remembers an opening elsewhere: while it lasts, the next failure here opens too. */
  suspect(record: TransitionRecord): void {
    this.#suspicion = { record, until: this.read() + record.openRemainingMs }
  }

  /** The phase at `now`, with everything that time alone has changed. Changes nothing. */
  phaseAt(now: number): CircuitPhase {
    const until = this.#openUntil(now)
    if (until === undefined) return this.#phase
    return now < until ? 'open' : 'half-open'
  }

  /** The rest of the open period; 0 when there is none. Changes nothing. */
  openRemainingAt(now: number): number {
    const remaining = (this.#openUntil(now) ?? now) - now
    return Math.max(0, this.#phase === 'open' ? Math.min(remaining, this.#openForMs) : remaining)
  }

  #openUntil(now: number): number | undefined {
    if (this.#phase === 'open') return this.#since + this.#openForMs
    const at = this.#pendingOpening(now)
    return at === undefined
      ? undefined
      : at + openDuration(this.policy, this.#openingsAt(at) + 1, this.#jitter)
  }

  /** When calls that hang have opened this circuit, if they have and no one has noticed yet. */
  #pendingOpening(now: number): number | undefined {
    const deadline = this.#halfOpen?.deadline(this.policy)
    if (deadline !== undefined) return now < deadline ? undefined : deadline
    return this.#mayOpen ? this.#window?.overdueSince?.(now) : undefined
  }

  get #mayOpen(): boolean {
    return this.policy.host?.mayOpen() ?? true
  }

  /** Openings in a row, less one for each open period that was spent closed. */
  #openingsAt(at: number): number {
    if (this.#phase !== 'closed') return this.#openings
    const periods = Math.floor((at - this.#since) / Math.max(this.#openForMs, 1))
    return Math.max(0, this.#openings - Math.max(0, periods))
  }

  #drawJitter(): number {
    return typeof this.policy.openMs === 'number' ? 0 : this.policy.random()
  }

  /** Brings the phase up to `now`. */
  #advance(now: number): void {
    for (;;) {
      // A clock that went back must make neither the open period nor a probe last longer.
      if (this.#phase === 'open') this.#since = Math.min(this.#since, now)
      this.#halfOpen?.rebase(now)
      const at = this.#phase === 'open' ? this.#since + this.#openForMs : this.#pendingOpening(now)
      if (at === undefined || now < at) return
      if (this.#phase === 'open') this.#enter('half-open', at, 'elapsed')
      else this.#open(at, this.#halfOpen ? 'probe-timeout' : 'overdue')
    }
  }

  #open(at: number, reason: TransitionReason, cause?: unknown, advice?: Classification): void {
    this.#openings = this.#openingsAt(at) + 1
    this.#openForMs = usableOpenMs(advice) ?? openDuration(this.policy, this.#openings, this.#jitter)
    this.#jitter = this.#drawJitter()
    const ours = this.#mode !== 'enforce' || (advice?.local ?? isLocalFault(cause))
    this.#enter('open', at, reason, { cause, record: ours ? undefined : this.#publish('open') })
  }

  #openAs(record: TransitionRecord, openMs: number, at: number, cause?: unknown): void {
    const openings = this.#openingsAt(at)
    this.#record = record
    this.#openForMs = openMs
    if (this.#phase === 'open') this.#since = at
    else {
      this.#openings = openings + 1
      this.#enter('open', at, 'remote', { cause })
    }
  }

  #close(at: number, reason: TransitionReason): void {
    if (this.policy.recovery === 'reset') this.#openings = 0
    // Others are told only of an end to what they were told began.
    const known = this.#mode === 'enforce' && this.#record?.state === 'open'
    this.#enter('closed', at, reason, { record: known ? this.#publish('closed') : undefined })
  }

  #publish(state: 'open' | 'closed'): TransitionRecord {
    const epoch = (this.#record?.epoch ?? 0) + 1
    const openRemainingMs = state === 'open' ? this.#openForMs : 0
    return (this.#record = { name: this.name, epoch, origin: this.policy.origin, state, openRemainingMs })
  }

  /** Every change of phase comes through here, and is complete before anyone hears of it. */
  #enter(to: CircuitPhase, at: number, reason: TransitionReason, arrival: Arrival = {}): void {
    const from = this.#phase
    const { cause, record, halfOpen = new HalfOpen(), window } = arrival
    this.#phase = to
    this.#generation++
    this.#since = at
    this.#window = window
    this.#halfOpen = to === 'half-open' ? halfOpen : undefined
    this.#suspicion = undefined
    if (from === to) return
    this.#ledger.move(from, to, cause)
    this.#emit({
      type: 'transition',
      name: this.name,
      from,
      to,
      reason,
      at,
      openMs: to === 'open' ? this.#openForMs : 0,
      openings: this.#openings,
      mode: this.#mode,
      cause,
      record,
    })
  }

  snapshot(): CircuitSnapshot {
    const now = this.read()
    const { passed, failed } = this.#halfOpen ?? new HalfOpen()
    return {
      version: 1,
      name: this.name,
      takenAt: this.#wallNow(),
      phase: this.#phase,
      phaseAgeMs: Math.max(0, now - this.#since),
      openRemainingMs: this.#phase === 'open' ? this.openRemainingAt(now) : 0,
      openForMs: this.#openForMs,
      openings: this.#openings,
      jitter: this.#jitter,
      passed,
      failed,
      window: this.#window?.save(now) ?? null,
      record: this.#record ? copyRecord(this.#record) : null,
    }
  }

  restore(snapshot: CircuitSnapshot): void {
    const { policy } = this
    const { takenAt, openRemainingMs, window, record } = snapshot
    const phase = this.#mode === 'off' ? 'closed' : snapshot.phase
    const now = this.read()
    this.#advance(now)
    // Only durations and the wall clock cross: the time since then counts, as far as it can be believed.
    const elapsed = Math.max(0, this.#wallNow() - takenAt)
    const then = now - elapsed
    this.#openings = snapshot.openings
    this.#openForMs = snapshot.openForMs
    this.#jitter = snapshot.jitter
    if (record && supersedes(record, this.#record)) this.#record = copyRecord(record)
    const loaded = window && phase === 'closed' ? policy.trip.open(then) : undefined
    const openedAt = now + Math.max(0, openRemainingMs - elapsed) - snapshot.openForMs
    this.#enter(phase, phase === 'open' ? openedAt : then - snapshot.phaseAgeMs, 'restored', {
      halfOpen: new HalfOpen(snapshot.passed, snapshot.failed),
      window: window && loaded?.load(window, then) ? loaded : undefined,
    })
  }

  stats(): CircuitStats {
    const now = this.read()
    const phase = this.phaseAt(now)
    return {
      ...this.#ledger.read(),
      state: this.isolated ? 'isolated' : phase,
      mode: this.#mode,
      openings: this.#openingsAt(now),
      window: (phase === 'closed' && this.#window?.totals(now)) || NO_CALLS,
    }
  }

  get isolated(): boolean {
    return this.#isolations > 0
  }

  get emitter(): Emitter {
    return (this.#emitter ??= new Emitter())
  }

  /** The time given, or else the time. */
  read(now?: number): number {
    return now === undefined || Number.isNaN(now) ? this.policy.clock.now() : now
  }

  #wallNow(): number {
    return this.policy.clock.wallNow?.() ?? Date.now()
  }

  #settleLate(outcome: Outcome): void {
    this.#ledger.settleLate()
    if (this.#hears('stale')) this.#emit({ type: 'stale', name: this.name, outcome })
  }

  #hears(type: CircuitEvent['type']): boolean {
    return this.#emitter?.has(type) || this.policy.host?.emitter.has(type) || false
  }

  #emit(event: CircuitEvent): void {
    const fail = (error: unknown): void => report(this.policy, error, event)
    this.#emitter?.emit(event, fail)
    this.policy.host?.emitter.emit(event, fail)
  }
}
