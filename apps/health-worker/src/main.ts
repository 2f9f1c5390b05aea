import { loadKeys } from '@mreg/access'
import {
  access,
  cache,
  compose,
  database,
  DatabaseToken,
  events,
  health,
  prepareDatabase,
  proxy,
  registry,
  runProcess,
  upstream,
  WatchToken,
} from '@mreg/composition'
import { ConfigurationError } from '@mreg/core'
import { RouteTable } from '@mreg/proxy'
import { ChangeFeed } from '@mreg/registry'

import manifest from '../package.json' with { type: 'json' }

await runProcess(import.meta.dirname, async ({ settings, logger, resources }) => {
  if (settings.store.kind !== 'postgres') {
    throw new ConfigurationError(
      'database_not_shared',
      'MREG_DATABASE_URL must be postgres://… : a worker shares its database with the gateways',
    )
  }
  // The same keys as the gateways: what they sealed is opened here.
  const keys = await loadKeys({
    dataDirectory: settings.dataDirectory,
    adminKey: settings.access.adminKey,
    secretKeys: settings.access.secretKeys,
  })
  const facts = {
    role: 'worker',
    version: manifest.version,
    databaseDirectory: settings.dataDirectory,
  } as const
  const foundation = { settings, logger, facts, keys, resources }
  const container = await compose(
    foundation,
    database,
    cache,
    events,
    access,
    upstream,
    registry,
    health,
    proxy,
  )

  await prepareDatabase(container.get(DatabaseToken))
  // What follows the feed must be there before the feed starts.
  const routes = container.get(RouteTable)
  const watch = container.get(WatchToken)
  await container.get(ChangeFeed).start()
  watch()
  logger.info('watching', { servers: routes.size })
})
