import { checkPositive, checkShare } from './checks.ts'
import type { Warming } from './replica.ts'

/**
 * How a replica that came new, or came back, is given work: its weight grows in a straight line from a share of it to all
 * of it. The first replicas of a balancer are not new: there is nobody else to take their work.
 */
export interface SlowStartOptions {
  /** How long it takes, in milliseconds. Default 30 000. */
  readonly durationMs?: number | undefined
  /** The share of its weight that it begins with. Default 0.1. */
  readonly from?: number | undefined
}

/** @throws {RangeError} */
export const checkSlowStart = ({ durationMs = 30_000, from = 0.1 }: SlowStartOptions): Warming => ({
  durationMs: checkPositive('slowStart.durationMs', durationMs),
  from: checkShare('slowStart.from', from),
})
