import type { Clock } from '../../src/index.ts'

/** A clock that moves when told. Starts away from zero, so that a forgotten origin shows. */
export class ManualClock implements Clock {
  nowMs: number
  /** How often it was read. */
  readings = 0

  constructor(nowMs = 12_345_000) {
    this.nowMs = nowMs
  }

  now(): number {
    this.readings += 1
    return this.nowMs
  }
}
