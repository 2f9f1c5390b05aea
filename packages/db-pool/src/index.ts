export type {
  DatabasePool,
  DatabasePoolStats,
  InitializeOptions,
  MigrateOptions,
  Migration,
  MigrationReport,
  Notice,
  SystemSession,
  TenantSession,
} from './database-pool.ts'
export type { BackgroundErrorSource, PoolOptions, QueryEvent } from './pool-options.ts'

export { DatabaseUnavailableError, type UnavailableReason } from './errors/database-unavailable-error.ts'
export { MigrationError } from './errors/migration-error.ts'
export { SessionError, type SessionFailure } from './errors/session-error.ts'
export { constraintOf, isForeignKeyViolation, isUniqueViolation, sqlStateOf } from './errors/sql-state.ts'
