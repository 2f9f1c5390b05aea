/** Where an error came from that no caller waits for. */
export type BackgroundErrorSource =
  | 'idle-connection'
  | 'listen'
  | 'listen-handler'
  | 'embedded-database'
  | 'dump'

/** One statement that ran. Its parameters are not told: they may be secrets. */
export interface QueryEvent {
  readonly sql: string
  readonly durationMs: number
  /** What it failed with; undefined when it did not. */
  readonly error: unknown
}

/** What pools of every kind take. */
export interface PoolOptions {
  /** The role of tenant sessions. Default `mreg_tenant`. */
  readonly tenantRole?: string | undefined
  /** The setting that holds the tenant's id in a tenant session. Default `mreg.tenant_id`. */
  readonly tenantSetting?: string | undefined
  /** How often the work of a session may be tried in all, from 1. Default 4. */
  readonly maxAttempts?: number | undefined
  /** How many sessions may wait for a connection at once. Default 1,000. */
  readonly maxWaiting?: number | undefined
  /** How long a session may wait for a connection, making one included, in milliseconds. Default 2,000. */
  readonly acquireTimeoutMs?: number | undefined
  /** How long a session may hold its transaction without using it, in milliseconds. Default 5,000. */
  readonly idleInTransactionTimeoutMs?: number | undefined
  /** How long {@link DatabasePool.close} waits for running sessions, in milliseconds. Default 5,000. */
  readonly closeTimeoutMs?: number | undefined
  /** Is told of each statement. undefined: nobody is. */
  readonly onQuery?: ((event: QueryEvent) => void) | undefined
  /** Is told of errors that no caller waits for. undefined: they are dropped. */
  readonly onBackgroundError?: ((error: unknown, source: BackgroundErrorSource) => void) | undefined
}

/** The options of every kind, with their defaults. */
export interface ResolvedPoolOptions {
  readonly tenantRole: string
  readonly tenantSetting: string
  readonly maxAttempts: number
  readonly maxWaiting: number
  readonly acquireTimeoutMs: number
  readonly idleInTransactionTimeoutMs: number
  readonly closeTimeoutMs: number
  readonly onQuery: ((event: QueryEvent) => void) | undefined
  readonly onBackgroundError: (error: unknown, source: BackgroundErrorSource) => void
}

/**
 * Gives `value`, checked.
 *
 * @throws {RangeError} it is not a whole number from `minimum` up.
 */
export const wholeNumber = (name: string, value: number, minimum: number): number => {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw new RangeError(`${name} must be a whole number of at least ${minimum}, not ${value}`)
  }
  return value
}

/** Fills in the defaults and checks the rest. */
export const resolvePoolOptions = (options: PoolOptions): ResolvedPoolOptions => ({
  tenantRole: options.tenantRole ?? 'mreg_tenant',
  tenantSetting: options.tenantSetting ?? 'mreg.tenant_id',
  maxAttempts: wholeNumber('maxAttempts', options.maxAttempts ?? 4, 1),
  maxWaiting: wholeNumber('maxWaiting', options.maxWaiting ?? 1_000, 0),
  acquireTimeoutMs: wholeNumber('acquireTimeoutMs', options.acquireTimeoutMs ?? 2_000, 1),
  idleInTransactionTimeoutMs: wholeNumber(
    'idleInTransactionTimeoutMs',
    options.idleInTransactionTimeoutMs ?? 5_000,
    1,
  ),
  closeTimeoutMs: wholeNumber('closeTimeoutMs', options.closeTimeoutMs ?? 5_000, 0),
  onQuery: options.onQuery,
  onBackgroundError: options.onBackgroundError ?? (() => {}),
})
