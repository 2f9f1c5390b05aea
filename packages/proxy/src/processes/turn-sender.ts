import { setTimeout as delay } from 'node:timers/promises'

import { UpstreamError } from '@mreg/upstream'

import type { Turn } from '../converse.ts'
import { Patience } from '../patience.ts'
import type { ProcessLine } from './process-line.ts'
import { BUSY, TAKEN, TURN } from './turn-inbox.ts'

export interface TurnSenderOptions {
  readonly line: ProcessLine
  /** The process that waits for the turns, and the name under which it does. */
  readonly to: string
  readonly key: string
  /** While there is nothing to send, the other one is told so after so many milliseconds. */
  readonly heartbeatMs: number
  /** Aborted at the end, and by whoever knows that nobody waits any more. */
  readonly leave: AbortController
}

/** A turn goes in parts of so many bytes, each of which waits for the one before. */
const PART_BYTES = 262_144
/** Whoever has no room for a part is asked again after so many milliseconds. */
const BUSY_MS = 50

const NOTHING = new Uint8Array(0)

/** Sends turns to another process, as fast as it takes them. Ends with the turns, or when it does not take them any more. */
export const sendTurns = async (
  turns: AsyncGenerator<Turn, void, undefined>,
  { heartbeatMs, key, leave, line, to }: TurnSenderOptions,
): Promise<void> => {
  const send = async (head: object, bytes: Uint8Array): Promise<boolean> => {
    for (;;) {
      const word = await line.send(to, TURN, { head: { ...head, key }, bytes })
      if (word !== BUSY || leave.signal.aborted) return word === TAKEN
      await delay(BUSY_MS)
    }
  }
  const sendTurn = async ({ failure, final, isError, message, status }: Turn): Promise<boolean> => {
    const reason = UpstreamError.is(failure) ? failure.reason : undefined
    for (let start = 0; start === 0 || start < message.byteLength; start += PART_BYTES) {
      const bytes = message.subarray(start, start + PART_BYTES)
      const isLast = start + PART_BYTES >= message.byteLength
      if (!(await send(isLast ? { final, isError, reason, status } : { isPart: true }, bytes))) return false
    }
    return true
  }
  try {
    for (;;) {
      const next = turns.next()
      const patience = new Patience(next)
      while (!(await patience.settledWithin(heartbeatMs)))
        if (!(await send({ isWaiting: true }, NOTHING))) return
      const arrived = await next
      if (arrived.done === true || !(await sendTurn(arrived.value)) || arrived.value.final) return
    }
  } finally {
    leave.abort()
    void turns.return()
  }
}
