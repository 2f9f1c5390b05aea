import { setTimeout as sleep } from 'node:timers/promises'

import type { ConnectionState } from './connection-state.ts'
import { reconnectDelayMs } from './reconnect-delay.ts'
import { openRedisClient, type RedisArgument, type RedisClient } from './redis-client.ts'

/** Sends one command, and gives the reply; undefined when there is none in time, or a refusal. Never rejects. */
export type SendCommand = (...words: readonly RedisArgument[]) => Promise<unknown>

export interface RedisConnectionOptions {
  readonly url: string
  readonly name: string
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  readonly maxReconnectDelayMs: number
  readonly heartbeatMs: number
  readonly maxPending: number
  readonly onStateChange: (state: ConnectionState) => void
  /** A key that was read has changed, or (null) any may have, as when the connection is lost. Undefined: do not track. */
  readonly onInvalidate: ((key: string | null) => void) | undefined
}

/** So many commands in a row that are not answered in time end a connection. */
const TIMEOUTS_TO_DESTROY = 3

/**
 * A connection that is made again for ever, and commands that end. A command fails at once while there is no
 * connection; only before the first attempt to connect has ended does it wait, within its deadline.
 */
export class RedisConnection {
  readonly #options: RedisConnectionOptions
  readonly #onReady: (client: RedisClient) => void
  readonly #closing = new AbortController()
  readonly #firstAttempt = Promise.withResolvers<void>()
  readonly #running: Promise<void>
  #client: RedisClient | undefined
  #lose: ((error: unknown) => void) | undefined
  #attempts = 0
  #timeoutsInARow = 0
  #reported: boolean | undefined
  #connections = 0
  #timeouts = 0
  #failures = 0

  /** @param onReady - is given each new connection before anyone else can use it. */
  constructor(options: RedisConnectionOptions, onReady: (client: RedisClient) => void) {
    this.#options = options
    this.#onReady = onReady
    this.#running = this.#run()
  }

  get isConnected(): boolean {
    return this.#client !== undefined
  }

  get counters(): { readonly connections: number; readonly timeouts: number; readonly failures: number } {
    return { connections: this.#connections, timeouts: this.#timeouts, failures: this.#failures }
  }

  /** The connection, or undefined while there is none. */
  async client(): Promise<RedisClient | undefined> {
    if (this.#client === undefined && this.#connections === 0 && this.#reported === undefined) {
      const { commandTimeoutMs } = this.#options
      const enough = new AbortController()
      const late = sleep(commandTimeoutMs, undefined, { signal: enough.signal }).catch(() => {})
      await Promise.race([this.#firstAttempt.promise, late])
      enough.abort()
    }
    return this.#client
  }

  /**
   * What Redis answers to what `send` sends; undefined when there is no connection, no answer in time, or a refusal.
   * Never rejects.
   */
  async command<Reply>(send: (client: RedisClient) => Promise<Reply>): Promise<Reply | undefined> {
    const client = this.#client ?? (await this.client())
    return client === undefined ? undefined : this.withinDeadline(client, send(client))
  }

  readonly send: SendCommand = (...words) => this.command((client) => client.sendCommand(words))

  /** The reply of `client`, or undefined when it fails or is late. Never rejects. */
  async withinDeadline<Reply>(client: RedisClient, reply: Promise<Reply>): Promise<Reply | undefined> {
    return new Promise((resolve) => {
      let ended = false
      const end = (result: Reply | undefined): boolean => {
        if (ended) return false
        ended = true
        clearTimeout(timer)
        resolve(result)
        return true
      }
      // Where this process itself was held up, the answers have come in and are read before `setImmediate` calls.
      const timer = setTimeout(() => {
        setImmediate(() => {
          if (end(undefined)) this.#onTimeout(client)
        })
      }, this.#options.commandTimeoutMs)
      const onAnswer = (value: Reply): void => {
        if (end(value)) this.#onAnswer(client)
      }
      const onFailure = (error: unknown): void => {
        if (end(undefined)) this.#onFailure(client, error)
      }
      reply.then(onAnswer, onFailure)
    })
  }

  /** Gives `client` up; another one takes its place. */
  drop(client: RedisClient, error: unknown): void {
    if (client === this.#client) this.#lose?.(error)
  }

  /** Waits for what was sent, at most as long as for a command, and connects no more. */
  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    this.#closing.abort()
    if (client !== undefined) {
      await Promise.race([
        client.close().catch(() => {}),
        sleep(this.#options.commandTimeoutMs, undefined, { ref: false }),
      ])
    }
    this.#lose?.(new Error('the cache was closed'))
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await this.#connectAndHold()
      this.#firstAttempt.resolve()
      const delayMs = reconnectDelayMs(this.#attempts, this.#options.maxReconnectDelayMs)
      this.#attempts += 1
      await sleep(delayMs, undefined, { signal }).catch(() => {})
    }
  }

  /** Returns when the connection could not be made or is lost. */
  async #connectAndHold(): Promise<void> {
    const { connectTimeoutMs, maxPending, name, onInvalidate, url } = this.#options
    const lost = Promise.withResolvers<unknown>()
    this.#lose = lost.resolve
    const client = openRedisClient({
      url,
      name,
      connectTimeoutMs,
      maxPending,
      onLost: lost.resolve,
      onInvalidate,
    })
    const late = setTimeout(
      () => lost.resolve(new Error(`Redis did not let us in within ${connectTimeoutMs} ms`)),
      connectTimeoutMs,
    )
    const connecting = client.connect().then(
      () => true,
      (error: unknown) => {
        lost.resolve(error)
        return false
      },
    )
    const isConnected = await Promise.race([connecting, lost.promise.then(() => false)])
    clearTimeout(late)
    if (isConnected && !this.#closing.signal.aborted) {
      this.#begin(client)
      void this.#beat(client)
    }
    const error = await lost.promise
    this.#client = undefined
    client.destroy()
    onInvalidate?.(null)
    // A connection that comes about although it was given up must go as well.
    void connecting.then(() => client.destroy())
    this.#report({ connected: false, error })
  }

  #begin(client: RedisClient): void {
    this.#client = client
    this.#connections += 1
    this.#timeoutsInARow = 0
    this.#onReady(client)
    this.#firstAttempt.resolve()
    this.#report({ connected: true })
  }

  /** Finds a connection that died while nobody used it. */
  async #beat(client: RedisClient): Promise<void> {
    const { signal } = this.#closing
    const ping = (): Promise<unknown> => this.withinDeadline(client, client.sendCommand(['PING']))
    while (this.#client === client) {
      if ((await ping()) !== undefined) {
        await sleep(this.#options.heartbeatMs, undefined, { ref: false, signal }).catch(() => {})
      }
    }
  }

  #onAnswer(client: RedisClient): void {
    if (client !== this.#client) return
    this.#timeoutsInARow = 0
    this.#attempts = 0
  }

  #onTimeout(client: RedisClient): void {
    this.#timeouts += 1
    if (client !== this.#client) return
    this.#timeoutsInARow += 1
    if (this.#timeoutsInARow >= TIMEOUTS_TO_DESTROY) {
      this.drop(client, new Error(`Redis did not answer ${TIMEOUTS_TO_DESTROY} commands in a row`))
    }
  }

  #onFailure(client: RedisClient, error: unknown): void {
    this.#failures += 1
    // The primary that we knew is none any more: its name may lead to another one by now.
    if (error instanceof Error && error.message.startsWith('READONLY')) this.drop(client, error)
  }

  #report(state: ConnectionState): void {
    if (state.connected === this.#reported || this.#closing.signal.aborted) return
    this.#reported = state.connected
    this.#options.onStateChange(state)
  }
}
