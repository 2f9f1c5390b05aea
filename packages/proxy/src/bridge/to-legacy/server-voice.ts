import { setTimeout as delay } from 'node:timers/promises'

import { ERROR_CODE, type JsonRpcId, scanMessage, type ScannedMessage, WireError } from '@mreg/mcp-wire'
import { type JsonObject, UpstreamError, type UpstreamReply } from '@mreg/upstream'

/** A call that is under way in the session, which a message may be about that does not say so. */
export interface RunningCall {
  /** Its id, and its progress token. */
  readonly id: number
  /** Whether it takes messages of that method now. */
  takes(method: string): boolean
  offer(message: Uint8Array, scanned: ScannedMessage): void
}

/** Hears of changes. */
export interface ChangeListener {
  changed(message: Uint8Array, scanned: ScannedMessage): void
  /** Something may have changed while nobody listened. */
  missed(): void
  /** Nothing more comes. */
  ended(): void
}

export interface VoiceOptions {
  readonly maxDepth: number
  /** Opens the stream. */
  readonly listen: (lastEventId: string | undefined, signal: AbortSignal) => Promise<UpstreamReply>
  /** Answers a request that nobody can be asked. */
  readonly respond: (
    id: JsonRpcId,
    answer:
      | { readonly result: JsonObject }
      | { readonly error: { readonly code: number; readonly message: string } },
  ) => Promise<void>
  /** The stream is open. Gives whether it is one of another session than before. */
  readonly onOpened: () => boolean
  readonly onFailure: (error: unknown) => void
}

/** How long whoever needs the stream waits for it, in milliseconds. */
const OPEN_MS = 2000
/** How long it stays open when nobody needs it any more, in milliseconds. */
const LINGER_MS = 10_000
/** How long until it is opened again, at first and at most, in milliseconds. */
const REOPEN_MS = { first: 1000, most: 30_000 }

/**
 * What a server of the older era says that answers no request: its stream is held open while somebody needs it. Changes go to
 * all who listen; what is about some call, and does not say which, to the one that began last.
 */
export class ServerVoice {
  readonly #options: VoiceOptions
  readonly #listeners = new Set<ChangeListener>()
  readonly #calls = new Set<RunningCall>()
  #users = 0
  #open: { readonly ready: Promise<void>; readonly close: () => void } | undefined
  #linger: NodeJS.Timeout | undefined
  #isOffered = true
  #isOver = false

  constructor(options: VoiceOptions) {
    this.#options = options
  }

  /** Whether the server has such a stream, as far as it is known. */
  get isOffered(): boolean {
    return this.#isOffered && !this.#isOver
  }

  /** Whether anybody needs it. */
  get isUsed(): boolean {
    return this.#users > 0
  }

  /** Adds a call that the server may ask something for. To be given up with {@link leave}. */
  async join(call: RunningCall): Promise<void> {
    this.#calls.add(call)
    await this.#use()
  }

  leave(call: RunningCall): void {
    if (this.#calls.delete(call)) this.#release()
  }

  /** Tells a listener of changes from now on. To be given up with {@link unlisten}. */
  async listen(listener: ChangeListener): Promise<void> {
    this.#listeners.add(listener)
    await this.#use()
    if (this.#isOver) listener.ended()
  }

  unlisten(listener: ChangeListener): void {
    if (this.#listeners.delete(listener)) this.#release()
  }

  /** Takes a message that came in some other way but is about no call. */
  announce(message: Uint8Array, scanned: ScannedMessage): void {
    for (const listener of this.#listeners) listener.changed(message, scanned)
  }

  /** For good. */
  end(): void {
    this.#isOver = true
    this.#close()
    for (const listener of this.#listeners) listener.ended()
  }

  async #use(): Promise<void> {
    this.#users += 1
    clearTimeout(this.#linger)
    if (!this.isOffered) return
    this.#open ??= this.#begin()
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, OPEN_MS)
    await Promise.race([this.#open.ready, late])
    clearTimeout(timer)
  }

  #release(): void {
    this.#users -= 1
    if (this.#users > 0) return
    this.#linger = setTimeout(() => this.#close(), LINGER_MS)
    this.#linger.unref()
  }

  #close(): void {
    clearTimeout(this.#linger)
    this.#open?.close()
    this.#open = undefined
  }

  #begin(): { readonly ready: Promise<void>; readonly close: () => void } {
    const closed = new AbortController()
    const { promise: ready, resolve } = Promise.withResolvers<void>()
    void this.#keepOpen(closed.signal, resolve).finally(resolve)
    return { ready, close: () => closed.abort() }
  }

  async #keepOpen(closed: AbortSignal, onReady: () => void): Promise<void> {
    let lastEventId: string | undefined
    let isAgain = false
    let pauseMs = REOPEN_MS.first
    while (!closed.aborted) {
      try {
        const reply = await this.#options.listen(lastEventId, closed)
        if (reply.kind !== 'stream') {
          this.#isOffered = false
          return
        }
        const isAnother = this.#options.onOpened()
        onReady()
        if (isAnother || (isAgain && lastEventId === undefined)) this.#tellMissed()
        for await (const { message } of reply.messages) {
          pauseMs = REOPEN_MS.first
          this.#take(message)
        }
        ;({ lastEventId } = reply.position)
      } catch (error) {
        if (closed.aborted) return
        // The endpoint was made anew: whoever listens comes anew.
        if (UpstreamError.is(error) && error.reason === 'aborted') return this.end()
        this.#options.onFailure(error)
        lastEventId = undefined
      }
      isAgain = true
      await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: closed, ref: false }).catch(
        () => {},
      )
      pauseMs = Math.min(pauseMs * 2, REOPEN_MS.most)
    }
  }

  #tellMissed(): void {
    for (const listener of this.#listeners) listener.missed()
  }

  #take(message: Uint8Array): void {
    const scanned = this.#scan(message)
    if (scanned?.kind === 'request') this.#request(message, scanned)
    else if (scanned?.kind === 'notification') this.#notification(message, scanned)
  }

  #scan(message: Uint8Array): ScannedMessage | undefined {
    try {
      return scanMessage(message, { maxDepth: this.#options.maxDepth })
    } catch (error) {
      if (WireError.is(error)) return undefined
      throw error
    }
  }

  #request(message: Uint8Array, scanned: ScannedMessage): void {
    const { id, method = '' } = scanned
    if (id === undefined || id === null) return
    const call = this.#callFor(method)
    if (call !== undefined) return call.offer(message, scanned)
    const answer =
      method === 'ping'
        ? { result: {} }
        : { error: { code: ERROR_CODE.methodNotFound, message: 'No client is there that offers this.' } }
    void this.#options.respond(id, answer)
  }

  #notification(message: Uint8Array, scanned: ScannedMessage): void {
    const { method = '', progressToken } = scanned
    if (method === 'notifications/progress') {
      for (const call of this.#calls) if (call.id === progressToken) call.offer(message, scanned)
    } else if (method === 'notifications/message') {
      this.#callFor(method)?.offer(message, scanned)
    } else {
      this.announce(message, scanned)
    }
  }

  /** The call that began last among those that take it. */
  #callFor(method: string): RunningCall | undefined {
    return [...this.#calls].findLast((call) => call.takes(method))
  }
}
