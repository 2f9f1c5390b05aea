import { Authenticator, loadKeys, UpstreamLogins } from '@mreg/access'
import {
  access,
  cache,
  CacheToken,
  compose,
  database,
  DatabaseToken,
  events,
  health,
  LoggerToken,
  prepareDatabase,
  type ProcessFacts,
  proxy,
  registry,
  ResourcesToken,
  SettingsToken,
  upstream,
  WatchToken,
} from '@mreg/composition'
import type { Logger, Settings } from '@mreg/core'
import { MergedProxy, RouteTable, ServerProxy } from '@mreg/proxy'
import { ChangeFeed, Registry } from '@mreg/registry'
import { type Container, ContainerModule } from 'inversify'

import { Gateway } from './gateway.ts'
import type { DataDirectory } from './process/data-directory.ts'
import { initialDatabaseIn } from './process/initial-database.ts'
import { Lifecycle } from './process/lifecycle.ts'
import { version } from './process/version.ts'

export interface GatewayFoundation {
  readonly settings: Settings
  readonly logger: Logger
  readonly data: DataDirectory
  /** Where the program is: the bundle's folder, or the source's. */
  readonly programDirectory: string
  readonly resources: AsyncDisposableStack
}

/** Everything that the gateway is made of. Nothing is opened until the {@link Gateway} is asked for. */
export const createContainer = async ({
  settings,
  logger,
  data,
  programDirectory,
  resources,
}: GatewayFoundation): Promise<Container> => {
  const keys = await loadKeys({
    dataDirectory: data.path,
    adminKey: settings.access.adminKey,
    secretKeys: settings.access.secretKeys,
  })
  const facts: ProcessFacts = {
    role: 'gateway',
    version,
    databaseDirectory: data.databaseDirectory,
    initialDatabase: await initialDatabaseIn(programDirectory),
  }
  return compose(
    { settings, logger, facts, keys, resources },
    database,
    cache,
    events,
    access,
    upstream,
    registry,
    health,
    proxy,
    gateway,
  )
}

const gateway = new ContainerModule(({ bind }) => {
  bind(Lifecycle).toResolvedValue(() => new Lifecycle())
  bind(Gateway).toResolvedValue(
    (
      settings,
      logger,
      lifecycle,
      pool,
      shared,
      changes,
      routes,
      server,
      merged,
      registered,
      logins,
      watch,
      authenticator,
      resources,
    ) =>
      resources.use(
        new Gateway({
          settings,
          logger,
          lifecycle,
          prepareDatabase: () => prepareDatabase(pool),
          changes,
          watch,
          createHttp: async (http) => {
            // Loaded while the database opens in its thread.
            const { createHttpServer } = await import('./http/server.ts')
            return await createHttpServer({
              settings,
              logger,
              lifecycle,
              authenticator,
              registry: registered,
              logins,
              routes,
              proxy: server,
              merged,
              version,
              http,
              components: () => ({
                database: { kind: pool.kind, ...pool.stats() },
                cache: shared.stats(),
              }),
            })
          },
        }),
      ),
    [
      SettingsToken,
      LoggerToken,
      Lifecycle,
      DatabaseToken,
      CacheToken,
      ChangeFeed,
      RouteTable,
      ServerProxy,
      MergedProxy,
      Registry,
      UpstreamLogins,
      WatchToken,
      Authenticator,
      ResourcesToken,
    ],
  )
})
