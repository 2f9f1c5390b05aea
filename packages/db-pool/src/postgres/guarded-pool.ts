import { setTimeout as sleep } from 'node:timers/promises'

import type { PostgresPool } from 'kysely'
import { Pool, type PoolClient, type PoolConfig } from 'pg'

import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import type { BackgroundErrorSource } from '../pool-options.ts'
import type { ConnectionCounts } from '../session/backend.ts'
import { AcquireFailure } from './connection-failure.ts'
import { connectionLifetimeMs } from './connection-lifetime.ts'
import { GuardedClient } from './guarded-client.ts'

/** What a {@link GuardedPool} takes. */
export interface GuardedPoolOptions {
  readonly config: PoolConfig & { readonly max: number; readonly connectionTimeoutMillis: number }
  readonly maxWaiting: number
  readonly transactionPrefix: string
  /** Whether connections may keep named statements. */
  readonly named: boolean
  /** How long a connection may have been idle to be handed out unasked, in milliseconds. */
  readonly validateAfterIdleMs: number
  /** The longest life of a connection, in milliseconds. */
  readonly maxLifetimeMs: number
  readonly onBackgroundError: (error: unknown, source: BackgroundErrorSource) => void
}

/** node-postgres's pool, made safe: bounded waits, no event without a listener, no broken connection reused. */
export class GuardedPool implements PostgresPool {
  readonly options: object = {}
  readonly #pool: Pool
  readonly #settings: GuardedPoolOptions
  readonly #guards = new WeakMap<object, GuardedClient>()
  readonly #clients = new Set<PoolClient>()
  /** Connections on which the server was not heard of since then are thrown away unasked. */
  #distrustBefore = 0
  #discarded = 0

  constructor(settings: GuardedPoolOptions) {
    this.#settings = settings
    this.#pool = new Pool(settings.config)
    // Without these listeners a server that restarts ends the process. node-postgres listens only to
    // connections that are idle; those in use need a listener of their own.
    this.#pool.on('error', (error) => settings.onBackgroundError(error, 'idle-connection'))
    this.#pool.on('connect', (client) => {
      this.#drawLifetime()
      this.#clients.add(client)
      client.on('error', (error: unknown) => this.#guardOf(client).fail(error))
      client.on('end', () => this.#guardOf(client).fail(undefined))
    })
    this.#pool.on('remove', (client) => this.#clients.delete(client))
    this.#drawLifetime()
  }

  /**
   * Opens so many connections, those that are open included. A server that has room for only some of them will do.
   *
   * @throws {AcquireFailure} none could be made.
   */
  async open(count: number): Promise<void> {
    const results = await Promise.allSettled(Array.from({ length: count }, () => this.connect()))
    const clients = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result] : []))
    for (const client of clients) {
      client.release()
    }
    for (const { reason } of failures) {
      if (clients.length === 0) {
        throw reason
      }
      this.#settings.onBackgroundError(reason, 'idle-connection')
    }
  }

  /** @throws {AcquireFailure} none could be made or became free. */
  async connect(): Promise<GuardedClient> {
    const { max, connectionTimeoutMillis } = this.#settings.config
    if (this.#pool.ending) {
      throw new DatabaseUnavailableError('closed', 'the database pool was closed')
    }
    const full = this.#pool.totalCount >= max
    // Those for whom an idle connection is there already pass through the queue too.
    const waiting = this.#pool.waitingCount - this.#pool.idleCount
    if (full && waiting >= this.#settings.maxWaiting) {
      const message = `all ${max} connections are busy and ${waiting} sessions are waiting already`
      throw new AcquireFailure(true, message)
    }
    const deadline = performance.now() + connectionTimeoutMillis
    try {
      for (;;) {
        const client = this.#guardOf(await this.#pool.connect())
        // No promise for the usual case, a connection that was used a moment ago.
        if (this.#isFresh(client) || (await this.#answers(client))) {
          return client
        }
        client.release(true)
        if (performance.now() >= deadline) {
          throw new Error('pooled connections did not answer')
        }
      }
    } catch (error) {
      const exhausted =
        error instanceof Error && error.message === 'timeout exceeded when trying to connect' && full
      const message = `all ${max} connections were busy for ${connectionTimeoutMillis} ms`
      throw new AcquireFailure(exhausted, message, { cause: error })
    }
  }

  counts(): ConnectionCounts {
    return {
      size: this.#pool.totalCount,
      available: this.#pool.idleCount,
      waiting: this.#pool.waitingCount,
      limit: this.#settings.config.max,
      discarded: this.#discarded,
    }
  }

  /** Lets those in use finish for so long, then closes every connection, whatever it is doing. */
  async end(timeoutMs = 5_000): Promise<void> {
    if (this.#pool.ended || this.#pool.ending) {
      return
    }
    const drained = new AbortController()
    const limit = sleep(timeoutMs, undefined, { signal: drained.signal }).catch(() => {})
    // A session that never ends would keep its connection, which is closed by now, for ever; and a server that is
    // stopped does not answer a goodbye, so that its socket would keep the process.
    await Promise.race([this.#pool.end().then(() => this.#goodbyes()), limit])
    drained.abort()
    for (const client of this.#clients) {
      client.connection.stream.destroy()
    }
  }

  /** Fulfils when the server has taken leave of all connections. */
  async #goodbyes(): Promise<void> {
    await Promise.all(
      [...this.#clients].map(
        (client) => new Promise<void>((resolve) => client.connection.once('end', resolve)),
      ),
    )
  }

  #isFresh({ answeredAt, broken }: GuardedClient): boolean {
    return (
      !broken &&
      answeredAt >= this.#distrustBefore &&
      performance.now() - answeredAt < this.#settings.validateAfterIdleMs
    )
  }

  async #answers(client: GuardedClient): Promise<boolean> {
    const { answeredAt } = client
    if (client.broken || answeredAt < this.#distrustBefore) {
      return false
    }
    if (await client.answers()) {
      return true
    }
    // Whatever swallowed the question (a firewall that forgot us, say) has swallowed those of the same age too.
    this.#distrustBefore = Math.max(this.#distrustBefore, answeredAt)
    return false
  }

  /** Each connection gets a life of its own, so that they do not all end at once. */
  #drawLifetime(): void {
    this.#pool.options.maxLifetimeSeconds = connectionLifetimeMs(this.#settings.maxLifetimeMs) / 1_000
  }

  #guardOf(client: PoolClient): GuardedClient {
    let guard = this.#guards.get(client)
    if (guard === undefined) {
      const { transactionPrefix, named, config } = this.#settings
      guard = new GuardedClient(client, {
        transactionPrefix,
        named,
        // A process that is busy for a second must not take its server for dead.
        beginTimeoutMs: Math.max(2_000, config.connectionTimeoutMillis),
        // What is left must do for a new connection.
        questionTimeoutMs: Math.min(1_000, config.connectionTimeoutMillis / 2),
        onDiscard: () => {
          this.#discarded += 1
        },
      })
      this.#guards.set(client, guard)
    }
    return guard
  }
}
