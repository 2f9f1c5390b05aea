import { isAtLeast, isRecord } from './checks.ts'

/**
 * One opening or closing, as told to other processes. It holds no absolute time: clocks of different machines are never
 * compared.
 */
export interface TransitionRecord {
  readonly name: string
  /** Lamport counter: one more than the highest this breaker had seen. */
  readonly epoch: number
  /** Who moved. Must differ between processes; ties between equal epochs are broken by it. */
  readonly origin: string
  readonly state: 'open' | 'closed'
  /** The rest of the open period when the record was made, in milliseconds; 0 when closed. */
  readonly openRemainingMs: number
}

/** Whether `next` wins over `current`: higher epoch, then open over closed, then origin. A total order, so all agree. */
export function supersedes(next: TransitionRecord, current: TransitionRecord | undefined): boolean {
  if (current === undefined || next.epoch !== current.epoch)
    return current === undefined || next.epoch > current.epoch
  if (next.state !== current.state) return next.state === 'open'
  return next.origin > current.origin
}

/** Whether an unknown value, from a store or a bus, is a record. */
export function isTransitionRecord(value: unknown): value is TransitionRecord {
  if (!isRecord(value)) return false
  const { name, epoch, origin, state, openRemainingMs } = value
  const texts = typeof name === 'string' && typeof origin === 'string'
  const numbers = Number.isSafeInteger(epoch) && isAtLeast(openRemainingMs, 0)
  return texts && numbers && (state === 'open' || state === 'closed')
}

/** A copy of its own: what comes from outside may be changed there, and may hold more than it should. */
export const copyRecord = ({
  name,
  epoch,
  origin,
  state,
  openRemainingMs,
}: TransitionRecord): TransitionRecord => ({
  name,
  epoch,
  origin,
  state,
  openRemainingMs,
})
