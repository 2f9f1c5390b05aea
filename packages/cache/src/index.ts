export {
  type Cache,
  type CacheLookup,
  type Load,
  type LoadOptions,
  MAXIMUM_TTL_MS,
  type Notice,
  type SetOptions,
} from './cache.ts'
export type { CacheCounters, CacheStats, MemoryCacheStats, RedisCacheStats } from './cache-stats.ts'
export type { TokenGrant, TokenRequest } from './tokens.ts'
export { CacheLoadTimeoutError } from './cache-load-timeout-error.ts'

// On top
export { cacheKey } from './cache-key.ts'
export { type JsonCache, jsonCache } from './json-cache.ts'

// In process
export { createMemoryCache, type MemoryCacheOptions } from './memory/create-memory-cache.ts'
export type { BackgroundErrorSource, OnBackgroundError } from './message-bus.ts'
