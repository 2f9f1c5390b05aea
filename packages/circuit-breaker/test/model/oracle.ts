import type { Outcome, TransitionRecord } from '../../src/index.ts'
import {
  countsSlowCalls,
  type Config,
  type CountConfig,
  type OverdueConfig,
  type TimeConfig,
} from './config.ts'

type Phase = 'closed' | 'open' | 'half-open'

interface Verdict {
  readonly failed: boolean
  readonly slow: boolean
  readonly at: number
}

/** A permit, as the oracle sees it. */
export interface Call {
  readonly era: Era | undefined
  readonly startedAt: number
  readonly probe: boolean
  settled: boolean
}

/** All that happened since the last transition: nothing is counted up, everything is worked out from it anew. */
class Era {
  readonly phase: Phase
  readonly since: number
  readonly openMs: number
  readonly calls: Call[] = []
  readonly verdicts: Verdict[] = []
  /** When the trip rule was first asked. */
  asked: number | undefined
  passed = 0
  failed = 0
  suspicion: { readonly record: TransitionRecord; readonly until: number } | undefined

  constructor(phase: Phase, since: number, openMs = 0) {
    this.phase = phase
    this.since = since
    this.openMs = openMs
  }

  get outstanding(): Call[] {
    return this.calls.filter((call) => !call.settled)
  }
}

export interface Edge {
  readonly from: Phase
  readonly to: Phase
  readonly reason: string
  readonly at: number
}

/**
 * The reference: the same behaviour written the slow and plain way. It moves at the moment at which time moves it, keeps
 * the history of the era instead of counters, and shares no code with the breaker.
 */
export class Oracle {
  readonly config: Config
  era: Era
  mode: 'enforce' | 'observe' | 'off'
  isolations = 0
  openings = 0
  lastOpenMs = 0
  record: TransitionRecord | undefined
  readonly edges: Edge[] = []
  counts = noCounts()

  constructor(config: Config, now: number) {
    this.config = config
    this.mode = config.mode
    this.era = new Era('closed', now)
  }

  get state(): Phase | 'isolated' {
    return this.isolations > 0 ? 'isolated' : this.era.phase
  }

  retryAfterMs(now: number): number {
    if (this.isolations > 0) return Infinity
    return this.era.phase === 'open' ? this.era.since + this.era.openMs - now : 0
  }

  /** Time has come to `now`: whatever it alone changes, changes at its own moment. */
  pass(now: number): void {
    for (;;) {
      const { era } = this
      if (era.phase === 'open') {
        if (now < era.since + era.openMs) return
        this.#move(new Era('half-open', era.since + era.openMs), 'elapsed')
      } else if (era.phase === 'half-open') {
        const deadlines = era.outstanding.map((call) => call.startedAt + this.config.probeTimeoutMs)
        const deadline = Math.min(...deadlines)
        if (now < deadline) return
        this.#open(deadline, 'probe-timeout')
      } else {
        const at = Math.min(...this.#rulesOf('overdue').map((rule) => this.#overdueAt(rule)))
        if (now < at) return
        this.#open(at, 'overdue')
      }
    }
  }

  acquire(now: number): Call | null {
    const { era, config } = this
    if (this.isolations > 0) return this.#refuse('isolated')
    if (this.mode === 'off') return this.#admit(undefined, now, false)
    if (era.phase === 'open') return this.#refuse('open')
    if (era.phase === 'half-open') {
      const places = Math.min(config.concurrency, config.successes - era.passed)
      return era.outstanding.length < places ? this.#admit(era, now, true) : this.#refuse('probing')
    }
    if (this.#rulesOf('overdue').length > 0) era.asked ??= now
    return this.#admit(era, now, false)
  }

  settle(call: Call, outcome: Outcome, now: number, retryMs?: number): void {
    if (call.settled) return
    call.settled = true
    if (call.era === undefined) {
      this.counts[outcome]++
    } else if (call.era !== this.era) {
      this.counts.stale++
    } else {
      this.counts[outcome]++
      if (outcome === 'ignored') return
      const slow = this.config.slowMs !== undefined && now - call.startedAt > this.config.slowMs
      if (call.probe)
        this.#settleProbe(outcome === 'failure' || (slow && countsSlowCalls(this.config.rules)), now, retryMs)
      else this.#settleCall({ failed: outcome === 'failure', slow, at: now }, retryMs)
    }
  }

  recordOutcome(outcome: Outcome, durationMs: number, now: number): void {
    this.counts.acquired++
    if (this.era.phase !== 'closed') {
      this.counts.stale++
      return
    }
    this.counts[outcome]++
    if (outcome === 'ignored' || this.mode === 'off') return
    const slow = this.config.slowMs !== undefined && durationMs > this.config.slowMs
    this.#settleCall({ failed: outcome === 'failure', slow, at: now })
  }

  trip(now: number, openMs?: number): void {
    if (this.mode === 'off') return
    const { era } = this
    if (era.phase !== 'open') this.#open(now, 'manual', openMs)
    else if (openMs !== undefined && openMs > this.#retryMsOf(now)) this.#extend(now, openMs)
  }

  reset(now: number): void {
    this.openings = 0
    this.#close(now, 'manual')
  }

  setMode(mode: 'enforce' | 'observe' | 'off', now: number): void {
    const before = this.mode
    this.mode = mode
    if (mode === 'off' && before !== 'off') this.reset(now)
  }

  adopt(record: TransitionRecord, now: number): boolean {
    if (this.mode === 'off' || !wins(record, this.record)) return false
    this.record = record
    if (record.state === 'open') this.#openAs(record, record.openRemainingMs, now)
    else if (this.era.phase !== 'closed') this.#close(now, 'remote')
    return true
  }

  suspect(record: TransitionRecord, now: number): void {
    this.era.suspicion = { record, until: now + record.openRemainingMs }
  }

  /** A fresh breaker takes over: everything goes on, but no call in flight does, and the counters are its own. */
  restart(): void {
    const before = this.era
    this.era = new Era(before.phase, before.since, before.openMs)
    this.era.verdicts.push(...before.verdicts)
    this.era.asked = before.asked
    this.era.passed = before.passed
    this.era.failed = before.failed
    this.isolations = 0
    this.edges.length = 0
    this.counts = noCounts()
  }

  get outstanding(): number {
    const { acquired, success, failure, ignored, stale } = this.counts
    return acquired - success - failure - ignored - stale
  }

  #retryMsOf(now: number): number {
    return this.era.since + this.era.openMs - now
  }

  #extend(now: number, openMs: number): void {
    const longer = new Era('open', now, openMs)
    this.lastOpenMs = openMs
    this.era = longer
  }

  #admit(era: Era | undefined, startedAt: number, probe: boolean): Call {
    const call: Call = { era, startedAt, probe, settled: false }
    this.counts.acquired++
    era?.calls.push(call)
    return call
  }

  #refuse(reason: 'open' | 'probing' | 'isolated'): Call | null {
    this.counts[reason]++
    return this.mode === 'observe' && reason !== 'isolated' ? this.#admit(undefined, 0, false) : null
  }

  #settleCall(verdict: Verdict, retryMs?: number): void {
    const { era } = this
    era.asked ??= verdict.at
    era.verdicts.push(verdict)
    const { suspicion } = era
    if (verdict.failed && retryMs !== undefined) this.#open(verdict.at, 'retry-after', retryMs)
    else if (this.#tripped(verdict.at)) this.#open(verdict.at, 'threshold')
    else if (verdict.failed && suspicion && verdict.at < suspicion.until) {
      this.record = suspicion.record
      this.#openAs(suspicion.record, suspicion.until - verdict.at, verdict.at)
    }
  }

  #settleProbe(failed: boolean, now: number, retryMs?: number): void {
    const { era, config } = this
    if (!failed) {
      era.passed++
      if (era.passed >= config.successes) this.#close(now, 'recovered')
    } else if (retryMs === undefined) {
      era.failed++
      if (era.failed > config.tolerate) this.#open(now, 'probe-failed')
    } else this.#open(now, 'retry-after', retryMs)
  }

  #rulesOf<Kind extends string>(kind: Kind): Extract<Config['rules'][number], { kind: Kind }>[] {
    return this.config.rules.filter(
      (rule): rule is Extract<Config['rules'][number], { kind: Kind }> => rule.kind === kind,
    )
  }

  #tripped(now: number): boolean {
    const { verdicts } = this.era
    return this.config.rules.some((rule) => {
      if (rule.kind === 'overdue') return false
      if (rule.kind === 'consecutive') {
        return (
          verdicts.length >= rule.failures && verdicts.slice(-rule.failures).every(({ failed }) => failed)
        )
      }
      return rateReached(rule, rule.kind === 'count' ? verdicts.slice(-rule.size) : this.#within(rule, now))
    })
  }

  /** What the breaker should show as its window: the most that any rule holds. */
  totals(now: number): { calls: number; failures: number; slow: number } {
    const held =
      this.era.phase === 'closed'
        ? this.config.rules.map((rule) => {
            const { verdicts } = this.era
            if (rule.kind === 'overdue') return []
            if (rule.kind === 'count') return verdicts.slice(-rule.size)
            if (rule.kind === 'time') return this.#within(rule, now)
            const lastGood = verdicts.findLastIndex(({ failed }) => !failed)
            return verdicts.slice(lastGood + 1).map((verdict) => ({ ...verdict, slow: false }))
          })
        : []
    const most = (count: (verdicts: readonly Verdict[]) => number): number => Math.max(0, ...held.map(count))
    return {
      calls: most((verdicts) => verdicts.length),
      failures: most((verdicts) => verdicts.filter(({ failed }) => failed).length),
      slow: most((verdicts) => verdicts.filter(({ slow }) => slow).length),
    }
  }

  /** The verdicts that a time window still holds: it moves in steps from when it was first asked. */
  #within({ windowMs, buckets }: TimeConfig, now: number): Verdict[] {
    const origin = this.era.asked ?? now
    const stepAt = (time: number): number => Math.floor((time - origin) / (windowMs / buckets))
    return this.era.verdicts.filter(({ at }) => stepAt(now) - stepAt(at) < buckets)
  }

  /** When the calls in flight have been too many for too long: known to an eighth of the time. */
  #overdueAt({ calls, afterMs }: OverdueConfig): number {
    const origin = this.era.asked ?? 0
    const stepMs = afterMs / 8
    const late = this.era.outstanding
      .map(({ startedAt }) => origin + (Math.floor((startedAt - origin) / stepMs) + 9) * stepMs)
      .toSorted((one, other) => one - other)
    return late[calls - 1] ?? Infinity
  }

  #openingsAt(at: number): number {
    if (this.era.phase !== 'closed') return this.openings
    if (this.openings === 0) return 0
    return Math.max(0, this.openings - Math.floor((at - this.era.since) / Math.max(1, this.lastOpenMs)))
  }

  #open(at: number, reason: string, openMs?: number): void {
    this.openings = this.#openingsAt(at) + 1
    const { config } = this
    const grown =
      config.factor === 1
        ? config.openMs
        : Math.min(config.maxOpenMs, config.openMs * config.factor ** (this.openings - 1))
    this.lastOpenMs = openMs ?? grown
    if (this.mode === 'enforce') this.#publish('open', this.lastOpenMs)
    this.#move(new Era('open', at, this.lastOpenMs), reason)
  }

  #openAs(record: TransitionRecord, openMs: number, now: number): void {
    if (this.era.phase === 'open') this.#extend(now, openMs)
    else {
      this.openings = this.#openingsAt(now) + 1
      this.lastOpenMs = openMs
      this.#move(new Era('open', now, openMs), 'remote')
    }
    this.record = record
  }

  #close(at: number, reason: string): void {
    if (this.config.recovery === 'reset') this.openings = 0
    if (this.mode === 'enforce' && this.record?.state === 'open') this.#publish('closed', 0)
    this.#move(new Era('closed', at), reason)
  }

  #publish(state: 'open' | 'closed', openRemainingMs: number): void {
    this.record = {
      name: 'model',
      epoch: (this.record?.epoch ?? 0) + 1,
      origin: 'here',
      state,
      openRemainingMs,
    }
  }

  #move(era: Era, reason: string): void {
    if (era.phase !== this.era.phase) {
      this.edges.push({ from: this.era.phase, to: era.phase, reason, at: era.since })
    }
    this.era = era
  }
}

function rateReached(rule: CountConfig | TimeConfig, verdicts: readonly Verdict[]): boolean {
  const failures = verdicts.filter(({ failed }) => failed).length
  const slow = verdicts.filter(({ slow: isSlow }) => isSlow).length
  const limit = rule.kind === 'time' ? rule.failures : undefined
  if (limit !== undefined && failures >= limit) return true
  if (verdicts.length < rule.minCalls) return false
  const only = limit === undefined && rule.slowRate === undefined
  const failureRate = rule.failureRate ?? (only ? 0.5 : undefined)
  if (failureRate !== undefined && failures / verdicts.length >= failureRate) return true
  return rule.slowRate !== undefined && slow / verdicts.length >= rule.slowRate
}

function wins(next: TransitionRecord, current: TransitionRecord | undefined): boolean {
  if (!current) return true
  if (next.epoch !== current.epoch) return next.epoch > current.epoch
  if (next.state !== current.state) return next.state === 'open'
  return next.origin > current.origin
}

const noCounts = (): Record<Outcome | 'acquired' | 'stale' | 'open' | 'probing' | 'isolated', number> => ({
  acquired: 0,
  success: 0,
  failure: 0,
  ignored: 0,
  stale: 0,
  open: 0,
  probing: 0,
  isolated: 0,
})
