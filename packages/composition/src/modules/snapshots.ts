import { KeyRing } from '@mreg/access'
import type { Settings } from '@mreg/core'
import {
  ChangeFeed,
  DatabaseCatalogStore,
  RouteSnapshots,
  SnapshotCache,
  SnapshotCatalogStore,
  SnapshotCodec,
  SnapshotDirectory,
  type SnapshotPlace,
  SnapshotWriter,
} from '@mreg/registry'
import type { ContainerModuleLoadOptions } from 'inversify'

import { prepareDatabase } from '../prepare-database.ts'
import { RegistryStart } from '../registry-start.ts'
import { type Token, token } from '../token.ts'
import {
  CacheToken,
  DatabaseToken,
  EventsToken,
  FactsToken,
  LoggerToken,
  ResourcesToken,
  SettingsToken,
} from '../tokens.ts'

const DirectoryToken: Token<SnapshotDirectory | undefined> = token('SnapshotDirectory')

/** What is known without the database, and how a process starts with or without it. */
export const bindSnapshots = ({ bind }: Pick<ContainerModuleLoadOptions, 'bind'>): void => {
  bind(DirectoryToken).toResolvedValue(
    ({ store }, { snapshotDirectory }) =>
      // What is in memory is gone with the process: nothing else may outlive it.
      snapshotDirectory === undefined || store.kind === 'memory'
        ? undefined
        : new SnapshotDirectory(snapshotDirectory),
    [SettingsToken, FactsToken],
  )
  bind(SnapshotWriter).toResolvedValue(
    (directory, cache, changes, keys, { store }, facts, logger, resources) => {
      const isShared = store.kind === 'postgres' && store.redisUrl !== undefined && facts.role === 'gateway'
      const places: readonly (SnapshotPlace | undefined)[] = [
        directory,
        isShared ? new SnapshotCache(cache) : undefined,
      ]
      const writer = new SnapshotWriter({
        codec: new SnapshotCodec({ sealer: keys.sealer('snapshot'), database: databaseNamed(store) }),
        places: places.filter((place) => place !== undefined),
        logger,
      })
      // After the writer has written for the last time.
      resources.defer(async () => {
        if (store.kind === 'embedded' && changes.isLoaded && writer.isUpToDate)
          await directory?.markComplete()
      })
      return resources.use(writer)
    },
    [DirectoryToken, CacheToken, ChangeFeed, KeyRing, SettingsToken, FactsToken, LoggerToken, ResourcesToken],
  )
  bind(RouteSnapshots).toResolvedValue(
    (changes, writer, resources) => resources.use(new RouteSnapshots(changes, writer)),
    [ChangeFeed, SnapshotWriter, ResourcesToken],
  )
  bind(RegistryStart).toResolvedValue(
    (database, changes, routes, directory, { store }, logger, resources) =>
      resources.use(
        new RegistryStart({
          prepareDatabase: (signal) => prepareDatabase(database, signal),
          changes,
          snapshots: routes,
          // Its only writer is this process: what it knew at an orderly end is what there is.
          directory: store.kind === 'embedded' ? directory : undefined,
          logger,
        }),
      ),
    [DatabaseToken, ChangeFeed, RouteSnapshots, DirectoryToken, SettingsToken, LoggerToken, ResourcesToken],
  )
  bind(SnapshotCatalogStore).toResolvedValue(
    (database, changes, writer, events, settings, logger) => {
      const store = new DatabaseCatalogStore(database, {
        changes: settings.changes,
        events,
        logger,
        catchUp: () => changes.catchUp(),
      })
      return new SnapshotCatalogStore({ store, changes, writer })
    },
    [DatabaseToken, ChangeFeed, SnapshotWriter, EventsToken, SettingsToken, LoggerToken],
  )
}

/** Which database it is, whoever logs in there. */
const databaseNamed = ({ kind, url }: Settings['store']): string => {
  if (kind !== 'postgres' || url === undefined) return kind
  const { hostname, port, pathname } = new URL(url)
  return `postgres://${hostname}:${port === '' ? '5432' : port}${pathname}`
}
