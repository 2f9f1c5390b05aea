import type { Kysely, Transaction } from 'kysely'

/** One transaction with the rights of the pool's own user: it sees every tenant. */
export interface SystemSession<Schema> {
  /** Runs in the session's transaction; unusable once the session has ended. */
  readonly kysely: Transaction<Schema>
  /** Why somebody needed these rights. */
  readonly reason: string
  /**
   * Runs `work` as a part of this session that fails alone: when it rejects, what it did is undone (it is a
   * savepoint), its error is thrown, and the session may go on. Only one at a time; they nest to any depth.
   * After a serialization failure or a deadlock the session as a whole is run again, whoever catches the error.
   *
   * @throws {SessionError} reason `nested`: another nested session is open in this one, or this one has ended;
   *   reason `aborted`: `work` swallowed the error of a statement.
   */
  nested<T>(work: (session: SystemSession<Schema>) => Promise<T>): Promise<T>
}

/** One transaction under row-level security: it sees one tenant. */
export interface TenantSession<Schema> {
  /** Runs in the session's transaction; unusable once the session has ended. */
  readonly kysely: Transaction<Schema>
  readonly tenantId: string
  /** As {@link SystemSession.nested}. */
  nested<T>(work: (session: TenantSession<Schema>) => Promise<T>): Promise<T>
}

/** What a session may ask of its transaction. */
export interface SessionOptions {
  /** undefined: as the server is set up, usually `read committed`. */
  readonly isolationLevel?: 'read committed' | 'repeatable read' | 'serializable' | undefined
  /** True: the server refuses to change anything. Default false. */
  readonly readOnly?: boolean | undefined
}

/**
 * Statements in SQL, outside sessions: each commits by itself. Parameters are `$1`, `$2`, … in the text.
 *
 * All of them throw {@link DatabaseUnavailableError} when there was no connection to be had or it broke before
 * the statement was sent, {@link SessionError} with the reasons `statement-timeout`, `lock-timeout`,
 * `commit-unknown` (the connection broke after that) or `nested` (called inside a session of the pool), and what
 * the database says about the statement as the driver's error.
 */
export interface DirectStatements {
  /** @returns how many rows it changed; 0 for a statement that changes none. */
  execute(sql: string, parameters?: readonly unknown[]): Promise<number>
  /** @returns its rows. The type is what the caller says it is. */
  fetch<Row extends object>(sql: string, parameters?: readonly unknown[]): Promise<readonly Row[]>
  /** @returns its first row; undefined when there is none. */
  fetchRow<Row extends object>(sql: string, parameters?: readonly unknown[]): Promise<Row | undefined>
}

/** A connection that is yours until it is released. Runs one statement at a time. */
export interface AcquiredConnection extends DirectStatements, AsyncDisposable {
  /**
   * Gives it back. One that broke, is inside a transaction or is still busy is not used again (on PGlite, which
   * has only one, it is rolled back). What was set with SET stays set, so prefer SET LOCAL. Idempotent.
   */
  release(): Promise<void>
}

/** One step of the schema. Forward only; runs in one transaction with the others that are due. */
export interface Migration {
  up(kysely: Kysely<unknown>): Promise<void>
}

/** What {@link DatabasePool.migrate} did. */
export interface MigrationReport {
  /** Names of the migrations that ran now, in order. */
  readonly executed: readonly string[]
  /** Names of migrations that the database has and this code does not know: a newer version was here. */
  readonly newer: readonly string[]
}

/** How long {@link DatabasePool.migrate} may wait. */
export interface MigrateOptions {
  /** For another process that is migrating, in milliseconds. Default 120,000. */
  readonly processLockTimeoutMs?: number | undefined
  /** For each lock on a table that others use, in milliseconds. Default 10,000. */
  readonly tableLockTimeoutMs?: number | undefined
}

/** How long {@link DatabasePool.initialize} may wait. */
export interface InitializeOptions {
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined
  /** For the database to answer, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number | undefined
}

/** What a listener is told. */
export interface Notice {
  /** What NOTIFY carried; undefined when it carried nothing or `missed` is true. */
  readonly payload: string | undefined
  /** True when notifications may have been lost: look for yourself. */
  readonly missed: boolean
}

/** How the pool is doing. */
export interface DatabasePoolStats {
  /** Open connections. */
  readonly size: number
  /** Open connections that nobody uses. */
  readonly available: number
  /** Sessions that wait for a connection. */
  readonly waiting: number
  /** The most connections that there may be. */
  readonly limit: number
  /** Sessions that are running, waiting ones included. */
  readonly active: number
  /** Sessions that committed, since the start. */
  readonly committed: number
  /** Sessions that ended in an error, since the start. */
  readonly failed: number
  /** Attempts that were repeated after a conflict or a broken connection, since the start. */
  readonly retried: number
  /** Connections that were thrown away because they were broken or still busy, since the start. */
  readonly discarded: number
}

/**
 * One database: a pool of connections to PostgreSQL, or PGlite inside this process. It has two doors, and each use
 * of it says which: {@link DatabasePool.tenantSession} and {@link DatabasePool.systemSession}. Code that is to use
 * no others takes this type; {@link DirectDatabasePool} has more.
 */
export interface DatabasePool<Schema> extends AsyncDisposable {
  readonly kind: 'postgres' | 'pglite'

  /** Open connections. */
  readonly size: number
  /** Open connections that nobody uses. */
  readonly available: number
  /** Sessions and statements that wait for a connection. */
  readonly waiting: number

  /**
   * Waits, with growing pauses, until the database answers. `minConnections` are opened; the embedded database is opened (and, when
   * its directory is new, created). May be called again after a failure.
   *
   * @throws {DatabaseUnavailableError} it did not answer in time, does not let us in, or the directory cannot be used.
   */
  initialize(options?: InitializeOptions): Promise<void>

  /**
   * Runs `work` in one transaction with the rights of the pool's own user. Commits when `work` fulfils,
   * rolls back when it rejects. After a serialization failure or a deadlock the whole of `work` is run
   * again, so it should touch nothing but the database.
   *
   * @param reason why these rights are needed; for logs and reviews.
   * @throws {DatabaseUnavailableError} there was no connection to be had, or it broke before the commit.
   * @throws {SessionError} see {@link SessionFailure}.
   */
  systemSession<T>(
    reason: string,
    work: (session: SystemSession<Schema>) => Promise<T>,
    options?: SessionOptions,
  ): Promise<T>

  /**
   * As {@link systemSession}, under row-level security: the transaction runs as the role `tenantRole`
   * and the setting `tenantSetting` holds `tenantId`.
   */
  tenantSession<T>(
    tenantId: string,
    work: (session: TenantSession<Schema>) => Promise<T>,
    options?: SessionOptions,
  ): Promise<T>

  /**
   * Runs the migrations that the database has not seen, ordered by name, in one transaction. Any number
   * of processes may call it at once: one works, the others wait and find it done. Statements of a
   * migration have no time limit. Migrations that the database has seen and this code does not know are
   * tolerated when their names come after all that it knows.
   *
   * @throws {MigrationError} a migration failed, or the history of the database is not ours.
   * @throws {DatabaseUnavailableError} there was no connection to be had.
   */
  migrate(migrations: Readonly<Record<string, Migration>>, options?: MigrateOptions): Promise<MigrationReport>

  /**
   * Calls `handler` for each NOTIFY on `channel`. Fulfils once it listens. A broken connection is made
   * again for ever; each time, the handler is told `missed: true`. What a handler throws is reported to
   * `onBackgroundError`.
   *
   * @param channel a lower-case identifier.
   * @returns what ends it.
   * @throws {DatabaseUnavailableError} the first connection could not be made.
   */
  listen(channel: string, handler: (notice: Notice) => void): Promise<AsyncDisposable>

  stats(): DatabasePoolStats

  /** Refuses new sessions, waits for the running ones (bounded), cuts what is left. Idempotent; safe before {@link initialize}. */
  close(): Promise<void>
}

/**
 * A pool with doors for what is neither a session nor a tenant's: statements that commit one by one, and connections.
 * They have the rights of the pool's own user.
 */
export interface DirectDatabasePool<Schema> extends DatabasePool<Schema>, DirectStatements {
  /**
   * Runs each statement on whichever connection is free, and commits it by itself; throws as
   * {@link DirectStatements} do. A transaction of its own is neither retried nor counted: there are the sessions for it.
   */
  readonly kysely: Kysely<Schema>

  /**
   * Waits for a connection of the pool, for what neither a session nor a single statement can do. Give it back
   * with `await using`, or with `release` in a `finally`.
   *
   * @throws {DatabaseUnavailableError} there was no connection to be had.
   * @throws {SessionError} reason `nested`: called inside a session of this pool.
   */
  acquire(): Promise<AcquiredConnection>
}
