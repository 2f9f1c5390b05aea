export { createPostgresPool } from './postgres/create-postgres-pool.ts'
export type { PostgresPoolOptions } from './postgres/postgres-options.ts'
export type { TlsMode } from './postgres/tls-mode.ts'
