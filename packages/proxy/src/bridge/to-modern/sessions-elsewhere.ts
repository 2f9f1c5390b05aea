import { type JsonObject, parseJsonObject } from '@mreg/upstream'

import type { ProcessLine } from '../../processes/process-line.ts'

/** What a client has said in one of its sessions. */
export type HearClient = (sessionId: string, message: Uint8Array) => void

/** The sessions of clients in several processes at once: what a client says to one of them may be for another one. */
export class SessionsElsewhere {
  readonly #line: ProcessLine
  readonly #topic: string

  /**
   * @param topic tells the sessions with servers from those with all of them.
   * @param hear takes what a client has said to another process.
   */
  constructor(line: ProcessLine, topic: string, hear: HearClient) {
    this.#line = line
    this.#topic = topic
    line.on(topic, ({ head, bytes }) => {
      hear(String(head['session']), bytes)
      return 'taken'
    })
  }

  /** What questions of this process begin with, so that another one knows whose they are. */
  get questionPrefix(): string {
    return `${PREFIX}${this.#line.id}.`
  }

  /**
   * Passes on a client's answer to the process that has asked. One that is gone has nobody left who waits for it.
   *
   * @param question the id under which the client was asked.
   */
  async passAnswer(sessionId: string, question: unknown, message: Uint8Array): Promise<void> {
    const process = processOf(question)
    if (process === undefined || process === this.#line.id) return
    await this.#line.send(process, this.#topic, { head: { session: sessionId }, bytes: message })
  }

  /** Leaves what is remembered of a session to whoever takes it over. */
  leave(sessionId: string, facts: object, ttlMs: number): void {
    void this.#line.leaveNote(this.#noteOf(sessionId), Buffer.from(JSON.stringify(facts)), ttlMs)
  }

  /** What was left of a session that this process has never seen; undefined: nothing. */
  async takeOver(sessionId: string): Promise<JsonObject | undefined> {
    const note = await this.#line.readNote(this.#noteOf(sessionId))
    return note && parseJsonObject(note)
  }

  /** Passes on what is for whoever has the session. Nobody waits for it. */
  tellAll(sessionId: string, message: Uint8Array): void {
    void this.#line.tellAll(this.#topic, { head: { session: sessionId }, bytes: message })
  }

  #noteOf(sessionId: string): string {
    return `${this.#topic} ${sessionId}`
  }
}

const PREFIX = 'mreg-'
const PROCESS_LENGTH = 36

/** Whose a question is. Clients write what they like: what names no process names none. */
const processOf = (question: unknown): string | undefined => {
  if (typeof question !== 'string' || !question.startsWith(PREFIX)) return undefined
  const [process = '', ...rest] = question.slice(PREFIX.length).split('.')
  return rest.length === 1 && process.length === PROCESS_LENGTH ? process : undefined
}
