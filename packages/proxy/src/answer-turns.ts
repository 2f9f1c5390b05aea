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
  /** Gets the final turn before it is written, and gives what is written. Default: the turn itself. */
  readonly settle?: Settle | undefined
}

/** May put another final turn in the place of one. */
export type Settle = (turn: Turn) => Turn | Promise<Turn>

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
  return streamAnswer(
    eventsOf(turns, options.heartbeatMs, { first, settle: options.settle }),
    options.headers,
  )
}

const jsonAnswerOf = async (turn: Turn, { headers, settle }: AnswerTurnsOptions): Promise<Answer> => {
  const { message, status } = settle === undefined ? turn : await settle(turn)
  return jsonAnswer(message, status, headers)
}

const lastTurn = async (turns: AsyncGenerator<Turn, void, undefined>): Promise<Turn> => {
  for await (const turn of turns) if (turn.final) return turn
  throw new Error('a conversation ended without a final turn')
}

/**
 * Turns as an event stream that is never silent for longer than `heartbeatMs`. It ends after the final
 * turn, or with the turns.
 *
 * @param options.first the first turn, when it has been asked for already.
 * @param options.settle gets the final turn, as in {@link AnswerTurnsOptions}.
 */
export async function* eventsOf(
  turns: AsyncGenerator<Turn, void, undefined>,
  heartbeatMs: number,
  {
    first = turns.next(),
    settle,
  }: {
    readonly first?: Promise<IteratorResult<Turn, void>> | undefined
    readonly settle?: Settle | undefined
  } = {},
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
      const turn = arrived.value
      yield encodeTurn(turn.final && settle !== undefined ? await settle(turn) : turn)
      if (turn.final) return
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
