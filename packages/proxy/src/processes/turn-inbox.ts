import { UpstreamError, type UpstreamErrorReason } from '@mreg/upstream'

import type { Turn } from '../converse.ts'
import type { Letter } from './process-line.ts'

/** What letters with turns are about. */
export const TURN = 'turn'
/** The words with which they are taken. */
export const TAKEN = 'taken'
export const BUSY = 'busy'

/** The most letters that wait for the reader. */
const MAX_WAITING = 8

/** The turns that another process sends, for one reader. */
export class TurnInbox {
  readonly #waiting: Letter[] = []
  #wake: (() => void) | undefined

  /** Takes a letter; `busy`: not now. */
  take(letter: Letter): string {
    if (this.#waiting.length >= MAX_WAITING) return BUSY
    this.#waiting.push(letter)
    this.#wake?.()
    return TAKEN
  }

  /**
   * The turns, until the final one.
   *
   * @param silenceMs how long the other process may say nothing, not even that there is nothing yet.
   * @returns whether there was a final one; false: the other process has fallen silent.
   */
  async *turns(silenceMs: number): AsyncGenerator<Turn, boolean, undefined> {
    // Together no longer than a reply may be: its sender has bounded it.
    let parts: Uint8Array[] = []
    for (;;) {
      const letter = await this.#next(silenceMs)
      if (letter === undefined) return false
      const { bytes, head } = letter
      if (head['isWaiting'] === true) continue
      parts.push(bytes)
      if (head['isPart'] === true) continue
      const turn = turnOf(Buffer.concat(parts), letter)
      parts = []
      yield turn
      if (turn.final) return true
    }
  }

  async #next(silenceMs: number): Promise<Letter | undefined> {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) return waiting
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, silenceMs)
    this.#wake = resolve
    await promise
    clearTimeout(timer)
    return this.#waiting.shift()
  }
}

const turnOf = (message: Uint8Array, { head }: Letter): Turn => {
  const { final, isError, reason, status } = head
  return {
    message,
    eventId: undefined,
    retryMs: undefined,
    final: final === true,
    status: Number(status),
    isError: typeof isError === 'boolean' ? isError : undefined,
    failure:
      typeof reason === 'string'
        ? // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- sealed: another process of ours wrote it
          new UpstreamError(reason as UpstreamErrorReason, 'another process of the gateway has said so')
        : undefined,
  }
}
