import {
  type PoolOptions,
  type ResolvedPoolOptions,
  resolvePoolOptions,
  wholeNumber,
} from '../pool-options.ts'
import type { TlsMode } from './tls-mode.ts'

/** The longest that a timer of Node can wait. */
export const MAX_TIMER_MS = 2_147_483_647

/** What {@link createPostgresPool} takes. */
export interface PostgresPoolOptions extends PoolOptions {
  /** `postgres://user:password@host:port/database?…`; what it says wins over the options below. */
  readonly connectionString: string
  /**
   * A direct connection for LISTEN and for migrations, when `connectionString` goes through a transaction
   * pooler. `off`: no LISTEN; listeners are told `missed: true` each `listenPollIntervalMs` instead.
   * Default: `connectionString`.
   */
  readonly listenConnectionString?: string | undefined
  /** In milliseconds; only for `listenConnectionString: 'off'`. Default 1,000. */
  readonly listenPollIntervalMs?: number | undefined
  /** How often an idle LISTEN connection is asked whether it still lives, in milliseconds. Default 30,000. */
  readonly listenHeartbeatMs?: number | undefined
  /** TLS to the server. undefined: as the connection string says (`sslmode`), which wins in any case. */
  readonly tls?: TlsMode | undefined
  /** So many connections are opened by `initialize` and kept open when idle. Default 0. */
  readonly minConnections?: number | undefined
  /** Default 10. */
  readonly maxConnections?: number | undefined
  /** How long a connection beyond `minConnections` may be idle, in milliseconds. Default 30,000. */
  readonly idleTimeoutMs?: number | undefined
  /** The longest life of a connection, in milliseconds; each ends up to a fifth earlier, at random. Default 1,800,000. */
  readonly maxLifetimeMs?: number | undefined
  /**
   * How long a connection may have been idle before the server is asked whether it is still there when a session
   * wants it, in milliseconds. Default 5,000.
   */
  readonly validateAfterIdleMs?: number | undefined
  /** The longest that the server lets a statement run, in milliseconds; less than `queryTimeoutMs`. Default 2,000. */
  readonly statementTimeoutMs?: number | undefined
  /** How long we wait for the answer to a statement, in milliseconds; the connection is then thrown away. Default 3,000. */
  readonly queryTimeoutMs?: number | undefined
  /** The longest that a statement waits for a lock, in milliseconds. Default 1,000. */
  readonly lockTimeoutMs?: number | undefined
  /** What the server shows the connections as. Default `db-pool`. */
  readonly applicationName?: string | undefined
  /**
   * How the server is told the time limits: `connection` when a connection starts, `transaction` at the
   * start of each transaction, for transaction poolers that know no start-up parameters. Default `connection`.
   */
  readonly limitsScope?: 'connection' | 'transaction' | undefined
}

/** The same with defaults. */
export interface ResolvedPostgresOptions extends ResolvedPoolOptions {
  readonly connectionString: string
  /** undefined: no LISTEN. */
  readonly listenConnectionString: string | undefined
  readonly directConnectionString: string
  readonly listenPollIntervalMs: number
  readonly listenHeartbeatMs: number
  readonly tls: TlsMode | undefined
  readonly minConnections: number
  readonly maxConnections: number
  readonly idleTimeoutMs: number
  readonly maxLifetimeMs: number
  readonly validateAfterIdleMs: number
  readonly statementTimeoutMs: number
  readonly queryTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly applicationName: string
  readonly limitsScope: 'connection' | 'transaction'
}

/** Fills in the defaults and checks the rest. */
export const resolvePostgresOptions = (options: PostgresPoolOptions): ResolvedPostgresOptions => {
  const listen = options.listenConnectionString ?? options.connectionString
  const maxConnections = wholeNumber('maxConnections', options.maxConnections ?? 10, 1)
  const minConnections = wholeNumber('minConnections', options.minConnections ?? 0, 0)
  if (minConnections > maxConnections) {
    throw new RangeError(
      `minConnections (${minConnections}) must not exceed maxConnections (${maxConnections})`,
    )
  }
  const statementTimeoutMs = wholeNumber('statementTimeoutMs', options.statementTimeoutMs ?? 2_000, 1)
  const queryTimeoutMs = wholeNumber('queryTimeoutMs', options.queryTimeoutMs ?? 3_000, 1)
  if (statementTimeoutMs >= queryTimeoutMs) {
    const message = `statementTimeoutMs (${statementTimeoutMs}) must be less than queryTimeoutMs (${queryTimeoutMs})`
    throw new RangeError(
      `${message}: the server has to give up first, or the connection is lost with the statement`,
    )
  }
  return {
    ...resolvePoolOptions(options),
    connectionString: options.connectionString,
    listenConnectionString: listen === 'off' ? undefined : listen,
    directConnectionString: listen === 'off' ? options.connectionString : listen,
    listenPollIntervalMs: wholeNumber('listenPollIntervalMs', options.listenPollIntervalMs ?? 1_000, 1),
    listenHeartbeatMs: wholeNumber('listenHeartbeatMs', options.listenHeartbeatMs ?? 30_000, 1),
    tls: options.tls,
    minConnections,
    maxConnections,
    idleTimeoutMs: wholeNumber('idleTimeoutMs', options.idleTimeoutMs ?? 30_000, 1),
    maxLifetimeMs: Math.min(
      MAX_TIMER_MS,
      wholeNumber('maxLifetimeMs', options.maxLifetimeMs ?? 1_800_000, 1),
    ),
    validateAfterIdleMs: wholeNumber('validateAfterIdleMs', options.validateAfterIdleMs ?? 5_000, 0),
    statementTimeoutMs,
    queryTimeoutMs,
    lockTimeoutMs: wholeNumber('lockTimeoutMs', options.lockTimeoutMs ?? 1_000, 1),
    applicationName: options.applicationName ?? 'db-pool',
    limitsScope: options.limitsScope ?? 'connection',
  }
}
