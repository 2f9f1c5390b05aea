import type { JwtVerifier } from '@mreg/access/tokens'
import type { createRedisCache } from '@mreg/cache/redis'
import type { Settings } from '@mreg/core'
import type { createPostgresPool } from '@mreg/db-pool/pg'

/** What reaches the stores and the identity provider that the settings name. undefined: they name none of this kind. */
export interface Drivers {
  readonly createRedisCache: typeof createRedisCache | undefined
  readonly createPostgresPool: typeof createPostgresPool | undefined
  readonly JwtVerifier: typeof JwtVerifier | undefined
}

/** Loads the drivers that are needed. Those that are not would take a third of the time of a start: Redis alone has 650 files. */
export const loadDrivers = async ({ oidc, store }: Settings): Promise<Drivers> => ({
  createRedisCache:
    store.redisUrl === undefined ? undefined : (await import('@mreg/cache/redis')).createRedisCache,
  createPostgresPool:
    store.kind === 'postgres' ? (await import('@mreg/db-pool/pg')).createPostgresPool : undefined,
  JwtVerifier: oidc.issuer === undefined ? undefined : (await import('@mreg/access/tokens')).JwtVerifier,
})
