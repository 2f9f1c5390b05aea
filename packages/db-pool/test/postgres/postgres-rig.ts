import { createTestDatabase, type FaultProxy, startFaultProxy, type TestDatabase } from '@mreg/testing'
import { sql } from 'kysely'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'

import { DatabaseUnavailableError, SessionError } from '../../src/index.ts'
import { createPostgresPool, type PostgresPoolOptions } from '../../src/pg.ts'
import { type NotesDatabase, notesMigrations, type NotesPool } from '../contract/notes-database.ts'
import { expectNothingUncaught } from './record-uncaught.ts'

/** The reason that an error of this package gives; undefined for any other. */
export const reasonOf = (error: unknown): string | undefined =>
  DatabaseUnavailableError.is(error) || SessionError.is(error) ? error.reason : undefined

/** One value, in a session of its own. */
export const select = (pool: NotesPool, expression: string): Promise<unknown> =>
  pool.systemSession('test', async ({ kysely }) => {
    const { rows } = await sql<{ value: unknown }>`select ${sql.raw(expression)} as value`.execute(kysely)
    return rows[0]?.value
  })

/** What so many sessions at once answer when they are asked for 42. */
export const askAll = (pool: NotesPool, count: number): Promise<readonly unknown[]> =>
  Promise.all(Array.from({ length: count }, () => select(pool, '42')))

/** What {@link askAll} gives when all is well. */
export const allAnswered = (count: number): readonly unknown[] => Array.from({ length: count }, () => 42)

/**
 * A database of these tests with a proxy before it that can misbehave. Registers what sets it up and clears it
 * away, and fails if any error reached nobody.
 */
export class PostgresRig {
  readonly #pools: NotesPool[] = []
  #database: TestDatabase | undefined
  #proxy: FaultProxy | undefined

  constructor() {
    expectNothingUncaught()
    beforeAll(async () => {
      this.#database = await createTestDatabase()
      await this.open().migrate(notesMigrations)
    })
    beforeEach(async () => {
      const { hostname, port } = new URL(this.url)
      this.#proxy = await startFaultProxy({ host: hostname, port: Number(port === '' ? '5432' : port) })
    })
    afterEach(async () => {
      this.proxy.resume()
      await Promise.all(this.#pools.splice(0).map((pool) => pool.close()))
      await this.proxy.stop()
      await this.administrate('delete from notes')
    })
    afterAll(async () => {
      await this.#database?.drop()
    })
  }

  /** The server itself. */
  get url(): string {
    return this.#database?.url ?? ''
  }

  get proxy(): FaultProxy {
    if (this.#proxy === undefined) {
      throw new Error('the proxy is not there yet')
    }
    return this.#proxy
  }

  /** The server behind the proxy. */
  get proxiedUrl(): string {
    const url = new URL(this.url)
    url.hostname = '127.0.0.1'
    url.port = String(this.proxy.port)
    return url.href
  }

  /** A pool that is closed after the test. Waits longer than usual, because the machine may be busy. */
  open(options: Partial<PostgresPoolOptions> = {}): NotesPool {
    const pool = createPostgresPool<NotesDatabase>({
      connectionString: this.url,
      acquireTimeoutMs: 15_000,
      statementTimeoutMs: 10_000,
      queryTimeoutMs: 15_000,
      closeTimeoutMs: 500,
      ...options,
    })
    this.#pools.push(pool)
    return pool
  }

  /** Runs a statement past proxy and pools. */
  async administrate<Row extends object>(statement: string): Promise<readonly Row[]> {
    const client = new Client({ connectionString: this.url })
    await client.connect()
    try {
      return (await client.query<Row>(statement)).rows
    } finally {
      await client.end()
    }
  }

  /** Ends the server's side of the connections to the database for which `condition` (about `pg_stat_activity`) holds. */
  async terminate(condition: string): Promise<void> {
    await this.administrate(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and ${condition}`,
    )
  }
}
