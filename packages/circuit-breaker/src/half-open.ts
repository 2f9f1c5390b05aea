import type { CircuitPermit } from './permit.ts'
import type { CircuitPolicy } from './policy.ts'

/** One half-open period. At most `concurrency` probes are in flight, so the list is small; oldest first. */
export class HalfOpen {
  probes: readonly CircuitPermit[] = []
  passed: number
  failed: number

  constructor(passed = 0, failed = 0) {
    this.passed = passed
    this.failed = failed
  }

  /** Never more probes than may run at once, nor than are still needed to close. */
  hasPlace({ concurrency, successes }: CircuitPolicy): boolean {
    return this.probes.length < Math.min(concurrency, successes - this.passed)
  }

  /** When a probe will have been out for too long; `Infinity` when none is out. */
  deadline({ probeTimeoutMs }: CircuitPolicy): number {
    return (this.probes[0]?.startedAt ?? Infinity) + probeTimeoutMs
  }

  /** A clock that went back must not make a probe last longer: those from the future started now. */
  rebase(now: number): void {
    for (const probe of this.probes) probe.startedAt = Math.min(probe.startedAt, now)
  }
}
