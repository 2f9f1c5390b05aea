import { KeyRing } from '@mreg/access'
import { RouteTable, ServerProxy, SessionTokens } from '@mreg/proxy'
import { ChangeFeed } from '@mreg/registry'
import { LegacySessions, Upstreams } from '@mreg/upstream'
import { ContainerModule } from 'inversify'

import { LoggerToken, SettingsToken } from '../tokens.ts'

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
})
