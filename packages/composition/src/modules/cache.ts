import { type Cache, createMemoryCache } from '@mreg/cache'
import type { Logger, Settings } from '@mreg/core'
import { ContainerModule } from 'inversify'

import type { Drivers } from '../drivers.ts'
import { CacheToken, DriversToken, LoggerToken, ResourcesToken, SettingsToken } from '../tokens.ts'

/** What the processes of an installation share beside the database; without Redis, each has its own. */
export const cache: ContainerModule = new ContainerModule(({ bind }) => {
  bind(CacheToken).toResolvedValue(
    (settings, drivers, logger, resources) => resources.use(createCache(settings, drivers, logger)),
    [SettingsToken, DriversToken, LoggerToken, ResourcesToken],
  )
})

const createCache = (
  { cache: { keyPrefix }, store }: Settings,
  { createRedisCache }: Drivers,
  logger: Logger,
): Cache => {
  const onBackgroundError = (error: unknown, source: string): void =>
    logger.warn('the cache failed in the background', { source, error })
  if (store.redisUrl === undefined || createRedisCache === undefined)
    return createMemoryCache({ onBackgroundError })
  let wasAway = false
  return createRedisCache({
    url: store.redisUrl,
    keyPrefix,
    name: 'mreg',
    onBackgroundError,
    onStateChange: ({ connected, error }) => {
      if (!connected)
        logger.warn('Redis cannot be used; the gateway goes on without it and tries again', { error })
      // The first time is what everyone expects, and a start that is refused says one thing only.
      else if (wasAway) logger.info('Redis is connected again')
      wasAway = !connected
    },
  })
}
