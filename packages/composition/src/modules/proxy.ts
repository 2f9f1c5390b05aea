import { KeyRing } from '@mreg/access'
import { MergedProxy, RouteTable, ServerProxy, SessionTokens } from '@mreg/proxy'
import { ChangeFeed, DatabaseCatalogStore } from '@mreg/registry'
import { LegacySessions, Upstreams } from '@mreg/upstream'
import { ContainerModule } from 'inversify'

import {
  DatabaseToken,
  EventsToken,
  FactsToken,
  LoggerToken,
  ResourcesToken,
  SettingsToken,
} from '../tokens.ts'

/** What answers MCP clients. */
export const proxy: ContainerModule = new ContainerModule(({ bind }) => {
  bind(RouteTable).toResolvedValue(
    (changes, upstreams) => {
      const routes = new RouteTable()
      changes.onDelta((delta) => {
        for (const endpointId of routes.apply(delta)) upstreams.retire(endpointId)
      })
      return routes
    },
    [ChangeFeed, Upstreams],
  )
  bind(SessionTokens).toResolvedValue(
    (keys, { timeouts }) =>
      new SessionTokens({ sealer: keys.sealer('session-token'), lifetimeMs: timeouts.sessionMs }),
    [KeyRing, SettingsToken],
  )
  bind(ServerProxy).toResolvedValue(
    (routes, upstreams, sessions, tokens, keys, { limits, timeouts }, logger) =>
      new ServerProxy({
        routes,
        upstreams,
        sessions,
        tokens,
        requestStates: keys.sealer('request-state'),
        limits,
        timeouts,
        logger,
      }),
    [RouteTable, Upstreams, LegacySessions, SessionTokens, KeyRing, SettingsToken, LoggerToken],
  )
  bind(MergedProxy).toResolvedValue(
    (
      one,
      routes,
      changes,
      database,
      upstreams,
      sessions,
      tokens,
      events,
      settings,
      facts,
      logger,
      resources,
    ) => {
      const { limits, timeouts } = settings
      const serverInfo = { name: 'mreg', version: facts.version }
      const merged = resources.use(
        new MergedProxy({
          proxy: one,
          store: new DatabaseCatalogStore(database),
          routes,
          upstreams,
          sessions,
          tokens,
          serverInfo,
          limits,
          timeouts,
          logger,
        }),
      )
      // After the route table, which asked to be told before.
      changes.onDelta(() => merged.routesChanged())
      events.on('server-status-changed', (event) => merged.statusChanged(event))
      return merged
    },
    [
      ServerProxy,
      RouteTable,
      ChangeFeed,
      DatabaseToken,
      Upstreams,
      LegacySessions,
      SessionTokens,
      EventsToken,
      SettingsToken,
      FactsToken,
      LoggerToken,
      ResourcesToken,
    ],
  )
})
