import { randomUUID } from 'node:crypto'

import { type Cache, cacheKey, MAXIMUM_TTL_MS } from '@mreg/cache'
import { isJsonObject, type JsonObject, parseJsonObject } from '@mreg/upstream'

import type { TokenSealer } from '../session-token.ts'

/** What one process says to another: a head that says what it is, and bytes. */
export interface Letter {
  readonly head: JsonObject
  readonly bytes: Uint8Array
}

export interface ProcessLineOptions {
  /** On whose bus the processes hear each other, and where they leave notes. */
  readonly cache: Pick<Cache, 'get' | 'publish' | 'set' | 'subscribe'>
  /** The same in all processes: what others put on the bus is not opened. */
  readonly sealer: TokenSealer
  /** How long a letter may take to be acknowledged, in milliseconds. Default 1000. */
  readonly acknowledgeMs?: number | undefined
}

/** Says what became of a letter: one word. It must not wait. undefined: the letter is not understood. */
export type TakeLetter = (letter: Letter) => string | undefined

/** The most bytes of one letter. A bus keeps what its readers have not read yet. */
export const MAX_LETTER_BYTES = 4_194_304

/** Sealed and in base64, with its head. */
const MAX_MESSAGE_CHARACTERS = 2 * MAX_LETTER_BYTES
const NEWLINE = 0x0a

/**
 * Acknowledged letters between the gateways on one cache. A letter is sealed for the process that it is for, so that whoever
 * else reads or writes the bus learns nothing from it and can say nothing. What is not acknowledged may have arrived.
 */
export class ProcessLine implements AsyncDisposable {
  /** The name of this process; another one each time that it starts. */
  readonly id: string = randomUUID()
  readonly #options: ProcessLineOptions
  readonly #takers = new Map<string, TakeLetter>()
  readonly #awaited = new Map<string, (word: string) => void>()
  readonly #subscribing: Promise<readonly AsyncDisposable[]>

  constructor(options: ProcessLineOptions) {
    this.#options = options
    const listen = (to: string): Promise<AsyncDisposable> =>
      options.cache.subscribe(channelOf(to), ({ message }) => {
        if (message !== undefined && message.length <= MAX_MESSAGE_CHARACTERS) this.#take(to, message)
      })
    this.#subscribing = Promise.all([listen(this.id), listen(EVERYBODY)])
    // Without it nothing is heard, and so nothing acknowledged.
    this.#subscribing.catch(() => {})
  }

  /** Has letters about `topic` taken by `take`. There is one for each topic. */
  on(topic: string, take: TakeLetter): void {
    this.#takers.set(topic, take)
  }

  /**
   * Sends a letter about `topic` to another process.
   *
   * @returns the word with which it was taken; undefined: nobody has acknowledged it in time, or it is too long.
   */
  async send(to: string, topic: string, { head, bytes }: Letter): Promise<string | undefined> {
    if (bytes.byteLength > MAX_LETTER_BYTES) return undefined
    const letter = randomUUID()
    const { promise, resolve } = Promise.withResolvers<string | undefined>()
    const timer = setTimeout(() => resolve(undefined), this.#options.acknowledgeMs ?? ACKNOWLEDGE_MS)
    this.#awaited.set(letter, resolve)
    try {
      const isTold = await this.#publish(to, { ...head, topic, letter, from: this.id }, bytes)
      return isTold ? await promise : undefined
    } finally {
      clearTimeout(timer)
      this.#awaited.delete(letter)
    }
  }

  /** Sends a letter about `topic` to all other processes. Nobody acknowledges it. */
  async tellAll(topic: string, { head, bytes }: Letter): Promise<void> {
    if (bytes.byteLength > MAX_LETTER_BYTES) return
    await this.#publish(EVERYBODY, { ...head, topic, letter: randomUUID(), from: this.id }, bytes)
  }

  /** Leaves a note for whoever takes over, this process included. It may get lost; too long a one is not kept. */
  async leaveNote(name: string, bytes: Uint8Array, ttlMs: number): Promise<void> {
    if (bytes.byteLength > MAX_NOTE_BYTES || ttlMs <= 0) return
    const sealed = this.#options.sealer.seal(bytes, noteOf(name))
    try {
      await this.#options.cache.set(noteOf(name), sealed, { ttlMs: Math.min(ttlMs, MAXIMUM_TTL_MS) })
    } catch {
      // Closed: the process is ending.
    }
  }

  /** The note of that name; undefined: there is none, or it cannot be had. */
  async readNote(name: string): Promise<Uint8Array | undefined> {
    try {
      const sealed = await this.#options.cache.get(noteOf(name))
      return sealed && this.#options.sealer.open(sealed, noteOf(name))
    } catch {
      return undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all((await this.#subscribing).map((subscription) => subscription[Symbol.asyncDispose]()))
  }

  #take(to: string, message: string): void {
    const read = this.#read(to, message)
    if (read === undefined) return
    const { head, bytes } = read
    const { letter, topic, from, word } = head
    if (typeof letter !== 'string') return
    if (typeof word === 'string') return this.#awaited.get(letter)?.(word)
    if (typeof topic !== 'string' || typeof from !== 'string' || from === this.id) return
    const taken = this.#takers.get(topic)?.({ head, bytes })
    if (taken !== undefined && to !== EVERYBODY) void this.#publish(from, { letter, word: taken }, NOTHING)
  }

  async #publish(to: string, head: JsonObject, bytes: Uint8Array): Promise<boolean> {
    const plain = Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), bytes])
    const sealed = this.#options.sealer.seal(plain, purposeOf(to))
    try {
      return await this.#options.cache.publish(channelOf(to), Buffer.from(sealed).toString('base64'))
    } catch {
      // Closed: the process is ending.
      return false
    }
  }

  /** The letter in a message; undefined: it is none of ours. */
  #read(to: string, message: string): Letter | undefined {
    try {
      const plain = this.#options.sealer.open(Buffer.from(message, 'base64'), purposeOf(to))
      const end = plain.indexOf(NEWLINE)
      const head = parseJsonObject(plain.subarray(0, end))
      return isJsonObject(head) ? { head, bytes: plain.subarray(end + 1) } : undefined
    } catch {
      return undefined
    }
  }
}

const ACKNOWLEDGE_MS = 1000
/** The longest note. */
const MAX_NOTE_BYTES = 262_144
const EVERYBODY = 'everybody'
const NOTHING = new Uint8Array(0)

const channelOf = (id: string): string => `process ${id}`
const noteOf = (name: string): string => cacheKey('process-note', name)
const purposeOf = (id: string): string => `mcp-process-line ${id}`
