export type {
  AcquiredConnection,
  DatabasePool,
  DatabasePoolStats,
  DirectDatabasePool,
  DirectStatements,
  InitializeOptions,
  MigrateOptions,
  Migration,
  MigrationReport,
  Notice,
  SessionOptions,
  SystemSession,
  TenantSession,
} from './database-pool.ts'
export type { BackgroundErrorSource, PoolOptions, QueryEvent } from './pool-options.ts'

export {
  prepareQuery,
  type ParameterPlaceholder,
  type PreparedQuery,
  type QueryTarget,
} from './prepared/prepare-query.ts'

export { DatabaseUnavailableError, type UnavailableReason } from './errors/database-unavailable-error.ts'
export { MigrationError } from './errors/migration-error.ts'
export { SessionError, type SessionFailure } from './errors/session-error.ts'
export {
  constraintOf,
  isConflict,
  isForeignKeyViolation,
  isUniqueViolation,
  sqlStateOf,
} from './errors/sql-state.ts'
