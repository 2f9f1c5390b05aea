import type { Clock } from '../src/index.ts'

/** A clock that moves when told. Starts away from zero, so that a forgotten origin shows. */
export class ManualClock implements Clock {
  #now: number
  #wallNow = 1_700_000_000_000
  /** How often the monotonic clock was read. */
  readings = 0

  constructor(now = 12_345_000) {
    this.#now = now
  }

  now(): number {
    this.readings++
    return this.#now
  }

  wallNow(): number {
    return this.#wallNow
  }

  /** Time passes, on both clocks. */
  advance(ms: number): void {
    this.#now += ms
    this.#wallNow += ms
  }

  /** Someone sets the wall clock. */
  jumpWall(ms: number): void {
    this.#wallNow += ms
  }

  /** What a monotonic clock must never do, and a broken one does. */
  jumpMonotonic(ms: number): void {
    this.#now += ms
  }
}
