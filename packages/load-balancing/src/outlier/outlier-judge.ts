import { CallRecord } from './call-record.ts'
import type { OutlierRules } from './outlier-options.ts'

/** Why a replica was ejected. */
export type EjectionReason = 'consecutive-failures' | 'failure-rate'

/** What others do at least half as badly is no outlier. */
const WORSE_THAN_OTHERS = 2

/** Keeps the records of a balancer's replicas, by slot, and says who stands out. */
export class OutlierJudge {
  readonly #rules: OutlierRules
  #records: (CallRecord | undefined)[] = []

  constructor(rules: OutlierRules) {
    this.#rules = rules
  }

  joined(slot: number): void {
    this.#records[slot] = new CallRecord()
  }

  left(slot: number): void {
    this.#records[slot] = undefined
  }

  /** Counts a call. Gives why its replica should be ejected, if it should. */
  count(slot: number, isFailure: boolean, nowMs: number): EjectionReason | undefined {
    const record = this.#records[slot]
    if (record === undefined) return undefined
    const { consecutiveFailures, failureRate, minCalls, windowMs } = this.#rules
    record.advance(nowMs, windowMs)
    record.count(isFailure)
    if (!isFailure) return undefined
    if (record.failuresInARow >= consecutiveFailures) {
      return this.#standsOut(record, 1, nowMs) ? 'consecutive-failures' : undefined
    }
    if (record.calls < minCalls) return undefined
    const rate = record.failures / record.calls
    return rate >= failureRate && this.#standsOut(record, rate, nowMs) ? 'failure-rate' : undefined
  }

  /** Writes an ejection down. Gives how long it is, in milliseconds. */
  eject(slot: number, nowMs: number): number {
    const { ejectMs, maxEjectMs } = this.#rules
    const record = this.#records[slot]
    if (record === undefined) return 0
    const periodsInUse = Math.floor((nowMs - record.ejectedUntilMs) / ejectMs)
    record.ejections = Math.max(record.ejections - periodsInUse, 0) + 1
    const durationMs = Math.min(ejectMs * 2 ** (record.ejections - 1), maxEjectMs)
    record.ejectedUntilMs = nowMs + durationMs
    record.forget()
    return durationMs
  }

  /** How many of `count` replicas may be ejected at once. */
  capOf(count: number): number {
    return Math.floor(count * this.#rules.maxEjectedShare)
  }

  #standsOut(own: CallRecord, rate: number, nowMs: number): boolean {
    let calls = 0
    let failures = 0
    for (const record of this.#records) {
      if (record === undefined || record === own) continue
      record.advance(nowMs, this.#rules.windowMs)
      calls += record.calls
      failures += record.failures
    }
    return calls === 0 || (failures / calls) * WORSE_THAN_OTHERS <= rate
  }
}
