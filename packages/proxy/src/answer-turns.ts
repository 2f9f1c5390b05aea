import { encodeSseComment, encodeSseEvent } from '@mreg/mcp-wire'

import { type Answer, type AnswerHeader, jsonAnswer, streamAnswer } from './answer.ts'
import type { Turn } from './converse.ts'
import { Patience } from './patience.ts'

export interface AnswerTurnsOptions {
  /** Whether the client takes an event stream. */
  readonly acceptsStream: boolean
  /** When nothing has come for so many milliseconds, the answer starts as an event stream. */
  readonly streamAfterMs: number
  /** Between comments on a stream that is otherwise silent, in milliseconds. */
  readonly heartbeatMs: number
  readonly headers?: readonly AnswerHeader[] | undefined
}

const HEARTBEAT = encodeSseComment('keep-alive')

/**
 * Turns into an HTTP answer: one JSON body when the response comes first and soon, else an event
 * stream that starts at once and stays alive, so that no proxy on the way gives up on a long call.
 */
export const answerTurns = async (
  turns: AsyncGenerator<Turn, void, undefined>,
  options: AnswerTurnsOptions,
): Promise<Answer> => {
  if (!options.acceptsStream) return jsonAnswerOf(await lastTurn(turns), options)
  const first = turns.next()
  if (await new Patience(first).settledWithin(options.streamAfterMs)) {
    const { value, done } = await first
    if (done !== true && value.final) return jsonAnswerOf(value, options)
  }
  return streamAnswer(eventsOf(turns, options.heartbeatMs, first), options.headers)
}

const jsonAnswerOf = (turn: Turn, { headers }: AnswerTurnsOptions): Answer =>
  jsonAnswer(turn.message, turn.status, headers)

const lastTurn = async (turns: AsyncGenerator<Turn, void, undefined>): Promise<Turn> => {
  for await (const turn of turns) if (turn.final) return turn
  throw new Error('a conversation ended without a final turn')
}

/**
 * Turns as an event stream that is never silent for longer than `heartbeatMs`. It ends after the final
 * turn, or with the turns.
 *
 * @param first the first turn, when it has been asked for already.
 */
export async function* eventsOf(
  turns: AsyncGenerator<Turn, void, undefined>,
  heartbeatMs: number,
  first: Promise<IteratorResult<Turn, void>> = turns.next(),
): AsyncGenerator<Uint8Array, void, undefined> {
  let next = first
  try {
    // Says at once that the answer has begun, also to proxies that wait for the first byte.
    yield HEARTBEAT
    for (;;) {
      const patience = new Patience(next)
      while (!(await patience.settledWithin(heartbeatMs))) yield HEARTBEAT
      const arrived = await next
      if (arrived.done === true) return
      yield encodeTurn(arrived.value)
      if (arrived.value.final) return
      next = turns.next()
    }
  } finally {
    // Not awaited: a generator that waits for its upstream ends when that does.
    void turns.return()
  }
}

/** A message as an event, with what the upstream said about resuming. */
const encodeTurn = ({ message, eventId, retryMs }: Turn): Uint8Array =>
  encodeSseEvent({
    event: 'message',
    data: message,
    ...(eventId === undefined ? {} : { id: eventId }),
    ...(retryMs === undefined ? {} : { retryMs }),
  })
