export { createPglitePool, type PglitePool } from './pglite/create-pglite-pool.ts'
export type { PglitePoolOptions } from './pglite/pglite-options.ts'
