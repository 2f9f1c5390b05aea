import type { PostgresPool } from 'kysely'
import { Pool, type PoolClient, type PoolConfig } from 'pg'

import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'
import type { BackgroundErrorSource } from '../pool-options.ts'
import type { ConnectionCounts } from '../session/backend.ts'
import { AcquireFailure } from './connection-failure.ts'
import { GuardedClient } from './guarded-client.ts'

/** What a {@link GuardedPool} takes. */
export interface GuardedPoolOptions {
  readonly config: PoolConfig & { readonly max: number; readonly connectionTimeoutMillis: number }
  readonly maxWaiting: number
  readonly transactionPrefix: string
  readonly onBackgroundError: (error: unknown, source: BackgroundErrorSource) => void
}

/** node-postgres's pool, made safe: bounded waits, no event without a listener, no broken connection reused. */
export class GuardedPool implements PostgresPool {
  readonly options: object = {}
  readonly #pool: Pool
  readonly #settings: GuardedPoolOptions
  readonly #guards = new WeakMap<object, GuardedClient>()
  readonly #clients = new Set<PoolClient>()
  #discarded = 0

  constructor(settings: GuardedPoolOptions) {
    this.#settings = settings
    this.#pool = new Pool(settings.config)
    // Without these listeners a server that restarts ends the process. node-postgres listens only to
    // connections that are idle; those in use need a listener of their own.
    this.#pool.on('error', (error) => settings.onBackgroundError(error, 'idle-connection'))
    this.#pool.on('connect', (client) => {
      this.#clients.add(client)
      client.on('error', (error: unknown) => this.#guardOf(client).fail(error))
      client.on('end', () => this.#guardOf(client).fail(undefined))
    })
    this.#pool.on('remove', (client) => this.#clients.delete(client))
  }

  /** @throws {AcquireFailure} none could be made or became free. */
  async connect(): Promise<GuardedClient> {
    const { max, connectionTimeoutMillis } = this.#settings.config
    if (this.#pool.ending) {
      throw new DatabaseUnavailableError('closed', 'the database pool was closed')
    }
    // Those for whom an idle connection is there already pass through the queue too.
    const waiting = this.#pool.waitingCount - this.#pool.idleCount
    if (waiting >= this.#settings.maxWaiting) {
      const message = `all ${max} connections are busy and ${waiting} sessions are waiting already`
      throw new AcquireFailure(true, message)
    }
    const full = this.#pool.totalCount >= max
    try {
      return this.#guardOf(await this.#pool.connect())
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

  end(): Promise<void> {
    return this.#pool.ended || this.#pool.ending ? Promise.resolve() : this.#pool.end()
  }

  /** Closes every connection at once, whatever it is doing. */
  destroy(): void {
    for (const client of this.#clients) {
      client.connection.stream.destroy()
    }
  }

  #guardOf(client: PoolClient): GuardedClient {
    let guard = this.#guards.get(client)
    if (guard === undefined) {
      guard = new GuardedClient(client, this.#settings.transactionPrefix, () => {
        this.#discarded += 1
      })
      this.#guards.set(client, guard)
    }
    return guard
  }
}
