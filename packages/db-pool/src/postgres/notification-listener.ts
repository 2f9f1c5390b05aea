import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { Client, type ClientConfig } from 'pg'

import type { Notice } from '../database-pool.ts'
import type { BackgroundErrorSource } from '../pool-options.ts'
import { backoffMs } from '../session/backoff.ts'
import { AcquireFailure } from './connection-failure.ts'

type Handler = (notice: Notice) => void

/** What a {@link NotificationListener} takes. */
export interface NotificationListenerOptions {
  readonly config: ClientConfig
  readonly heartbeatMs: number
  readonly onBackgroundError: (error: unknown, source: BackgroundErrorSource) => void
}

/**
 * One connection that does nothing but LISTEN. It opens with the first handler, is made again for ever when
 * it breaks, and closes with the last handler. A heartbeat finds the connection that broke silently.
 */
export class NotificationListener {
  readonly #options: NotificationListenerOptions
  readonly #handlers = new Map<string, Set<Handler>>()
  readonly #stop = new AbortController()
  #client: Client | undefined
  #connecting: Promise<Client> | undefined
  #reconnecting = false
  #statements: Promise<void> = Promise.resolve()

  constructor(options: NotificationListenerOptions) {
    this.#options = options
  }

  /** @throws {AcquireFailure} the first connection could not be made. */
  async add(channel: string, handler: Handler): Promise<AsyncDisposable> {
    // Each subscription is its own entry, also when the same function is given twice.
    const entry: Handler = (notice) => handler(notice)
    const handlers = this.#handlers.get(channel) ?? new Set()
    this.#handlers.set(channel, handlers)
    handlers.add(entry)
    try {
      await this.#run(await this.#connectOnce(), `listen "${channel}"`)
    } catch (error) {
      this.#forget(channel, entry)
      throw error instanceof AcquireFailure
        ? error
        : new AcquireFailure(false, 'LISTEN failed', { cause: error })
    }
    return { [Symbol.asyncDispose]: () => this.#remove(channel, entry) }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#handlers.clear()
    await this.#connecting?.catch(() => {})
    await this.#disconnect()
  }

  async #remove(channel: string, entry: Handler): Promise<void> {
    this.#forget(channel, entry)
    if (this.#handlers.size === 0) {
      await this.#disconnect()
    } else if (!this.#handlers.has(channel)) {
      await this.#run(this.#client, `unlisten "${channel}"`).catch(() => {})
    }
  }

  #forget(channel: string, entry: Handler): void {
    const handlers = this.#handlers.get(channel)
    handlers?.delete(entry)
    if (handlers?.size === 0) {
      this.#handlers.delete(channel)
    }
  }

  /** node-postgres warns about a statement that is sent while another one runs, so they queue here. */
  #run(client: Client | undefined, statement: string): Promise<void> {
    const result = this.#after(this.#statements, client, statement)
    this.#statements = result.catch(() => {})
    return result
  }

  async #after(earlier: Promise<void>, client: Client | undefined, statement: string): Promise<void> {
    await earlier
    try {
      await client?.query(statement)
    } catch (error) {
      // Nothing that we say here is wrong, so the connection is: it broke, or it does not answer.
      client?.connection.stream.destroy()
      throw error
    }
  }

  #connectOnce(): Promise<Client> {
    if (this.#client !== undefined) {
      return Promise.resolve(this.#client)
    }
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #connect(): Promise<Client> {
    const client = new Client(this.#options.config)
    let broken = false
    const onBroken = (error: unknown): void => {
      if (!broken) {
        broken = true
        this.#onBroken(client, error)
      }
    }
    client.on('error', onBroken)
    client.on('end', () => onBroken(new Error('the LISTEN connection ended')))
    client.on('notification', ({ channel, payload }) => {
      this.#tell(channel, { payload: payload === '' ? undefined : payload, missed: false })
    })
    try {
      await client.connect()
      for (const channel of this.#handlers.keys()) {
        // oxlint-disable-next-line no-await-in-loop -- one connection runs one statement at a time
        await client.query(`listen "${channel}"`)
      }
    } catch (error) {
      broken = true
      client.connection.stream.destroy()
      throw new AcquireFailure(false, 'the LISTEN connection could not be made', { cause: error })
    }
    if (this.#stop.signal.aborted) {
      broken = true
      await client.end()
      throw new AcquireFailure(false, 'the pool was closed')
    }
    this.#client = client
    void this.#heartbeat(client)
    return client
  }

  async #disconnect(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    const ended = client?.end()
    // The goodbye is on its way; a server that is stopped would never answer it.
    if (client?.connection.stream instanceof Socket) {
      client.connection.stream.destroySoon()
    }
    await ended?.catch(() => {})
  }

  async #heartbeat(client: Client): Promise<void> {
    try {
      while (this.#client === client) {
        // oxlint-disable-next-line no-await-in-loop
        await sleep(this.#options.heartbeatMs, undefined, { ref: false, signal: this.#stop.signal })
        // oxlint-disable-next-line no-await-in-loop -- the query has the time limit of the connection
        await (this.#client === client ? this.#run(client, 'select 1') : undefined)
      }
    } catch {
      // The listener closes, or the connection is broken, which has been dealt with.
    }
  }

  #onBroken(client: Client, error: unknown): void {
    if (this.#client !== client) {
      return
    }
    this.#client = undefined
    client.connection.stream.destroy()
    this.#options.onBackgroundError(error, 'listen')
    if (this.#handlers.size > 0) {
      void this.#reconnect()
    }
  }

  async #reconnect(): Promise<void> {
    if (this.#reconnecting) {
      return
    }
    this.#reconnecting = true
    try {
      for (let attempt = 0; this.#wanted(); attempt += 1) {
        try {
          // oxlint-disable-next-line no-await-in-loop
          await this.#connectOnce()
          break
        } catch (error) {
          this.#options.onBackgroundError(error, 'listen')
          // oxlint-disable-next-line no-await-in-loop
          await sleep(100 + backoffMs(attempt, 100, 5_000), undefined, { signal: this.#stop.signal })
        }
      }
    } catch {
      // The sleep was cut short because the listener closes.
    } finally {
      this.#reconnecting = false
    }
    for (const channel of this.#handlers.keys()) {
      this.#tell(channel, { payload: undefined, missed: true })
    }
  }

  #wanted(): boolean {
    return !this.#stop.signal.aborted && this.#handlers.size > 0
  }

  #tell(channel: string, notice: Notice): void {
    for (const handler of this.#handlers.get(channel) ?? []) {
      handler(notice)
    }
  }
}
