export { createRedisCache, type RedisCacheOptions } from './redis/create-redis-cache.ts'
export type { ConnectionState } from './redis/redis-connection.ts'
