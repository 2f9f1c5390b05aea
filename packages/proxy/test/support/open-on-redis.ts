import { createRedisCache } from '@mreg/cache/redis'
import type { RegisteredServer } from '@mreg/registry'
import { type FaultProxy, startFaultProxy, waitUntil } from '@mreg/testing'

import { type OpenProxy, openProxy, type ProxyOptions } from './open-proxy.ts'

const REDIS = new URL(process.env['MREG_TEST_REDIS_URL'] ?? 'redis://127.0.0.1')

/** A way to the Redis of the tests that can be broken. */
export const startWayToRedis = (): Promise<FaultProxy> =>
  startFaultProxy({ host: REDIS.hostname, port: Number(REDIS.port || 6379) })

/** What answers MCP clients, on Redis. Those with the same prefix and the same keys are processes of one gateway. */
export const openOnRedis = async (
  way: FaultProxy,
  {
    keyPrefix,
    served,
    ...options
  }: ProxyOptions & { readonly keyPrefix: string; readonly served: RegisteredServer },
): Promise<OpenProxy> => {
  const url = new URL(REDIS)
  url.hostname = '127.0.0.1'
  url.port = String(way.port)
  const cache = createRedisCache({ url: url.href, keyPrefix, maxReconnectDelayMs: 100 })
  const open = openProxy({ ...options, cache })
  open.register(served)
  await waitUntil('Redis', () => cache.stats().connected)
  return {
    ...open,
    async [Symbol.asyncDispose]() {
      await open[Symbol.asyncDispose]()
      await cache[Symbol.asyncDispose]()
    },
  }
}

/** A prefix that no other test uses. */
export const redisPrefix = (name: string): string =>
  `${process.env['MREG_TEST_REDIS_PREFIX'] ?? ''}${name}:${crypto.randomUUID()}:`
