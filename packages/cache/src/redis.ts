export {
  type ClientSideCacheOptions,
  createRedisCache,
  type RedisCacheOptions,
} from './redis/create-redis-cache.ts'
export type { ConnectionState } from './redis/connection-state.ts'
