import {
  AccessControl,
  ArgumentsAuditor,
  AuditTrail,
  KeyRing,
  KnownPolicies,
  RequestLimits,
  UpstreamLogins,
} from '@mreg/access'
import { createMemoryCache } from '@mreg/cache'
import {
  ActiveRequests,
  CallAudit,
  Fallback,
  MergedProxy,
  ProcessLine,
  RouteTable,
  ServerProxy,
  SessionTokens,
  Traffic,
} from '@mreg/proxy'
import { ChangeFeed, SnapshotCatalogStore, toolsetFollower } from '@mreg/registry'
import { LegacySessions, Upstreams } from '@mreg/upstream'
import { ContainerModule } from 'inversify'

import { CacheToken, EventsToken, FactsToken, LoggerToken, ResourcesToken, SettingsToken } from '../tokens.ts'

/** What answers MCP clients. */
export const proxy: ContainerModule = new ContainerModule(({ bind }) => {
  bind(RouteTable).toResolvedValue(
    (changes, upstreams, events) => {
      const routes = new RouteTable()
      events.on('endpoint-recovered', ({ endpointId, slug, tenantId }) =>
        routes.lookup(tenantId, slug)?.replicas.warmUp(endpointId),
      )
      changes.onDelta((delta) => {
        for (const endpointId of routes.apply(delta)) upstreams.retire(endpointId)
      })
      return routes
    },
    [ChangeFeed, Upstreams, EventsToken],
  )
  bind(SessionTokens).toResolvedValue(
    (keys, { timeouts }) =>
      new SessionTokens({ sealer: keys.sealer('session-token'), lifetimeMs: timeouts.sessionMs }),
    [KeyRing, SettingsToken],
  )
  bind(Fallback).toResolvedValue(
    (shared, { fallback, limits, store }, resources) => {
      // In one process, what stands in must not make room for itself among what the sessions keep.
      const cache = store.redisUrl === undefined ? resources.use(createMemoryCache()) : shared
      return new Fallback({ ...fallback, cache, maxJsonDepth: limits.maxJsonDepth })
    },
    [CacheToken, SettingsToken, ResourcesToken],
  )
  bind(ProcessLine).toResolvedValue(
    (cache, keys, resources) =>
      resources.use(new ProcessLine({ cache, sealer: keys.sealer('process-line') })),
    [CacheToken, KeyRing, ResourcesToken],
  )
  bind(ActiveRequests).toResolvedValue(() => new ActiveRequests())
  bind(Traffic).toResolvedValue(({ metrics }) => new Traffic(metrics), [SettingsToken])
  bind(CallAudit).toResolvedValue(
    (trail, keys, { audit: { toolCalls } }) =>
      new CallAudit({
        trail,
        calls:
          toolCalls === 'off' ? undefined : new ArgumentsAuditor(toolCalls, keys.derive('audit-arguments')),
      }),
    [AuditTrail, KeyRing, SettingsToken],
  )
  bind(ServerProxy).toResolvedValue(
    (
      access,
      audit,
      callLimits,
      routes,
      upstreams,
      sessions,
      tokens,
      keys,
      line,
      fallback,
      traffic,
      { changes, limits, timeouts },
      logger,
    ) =>
      new ServerProxy({
        access,
        audit,
        callLimits,
        routes,
        upstreams,
        sessions,
        tokens,
        requestStates: keys.sealer('request-state'),
        line,
        fallback,
        traffic,
        changes,
        limits,
        timeouts,
        logger,
      }),
    [
      AccessControl,
      CallAudit,
      RequestLimits,
      RouteTable,
      Upstreams,
      LegacySessions,
      SessionTokens,
      KeyRing,
      ProcessLine,
      Fallback,
      Traffic,
      SettingsToken,
      LoggerToken,
    ],
  )
  bind(MergedProxy).toResolvedValue(
    (
      one,
      access,
      audit,
      policies,
      routes,
      changes,
      store,
      upstreams,
      sessions,
      tokens,
      line,
      logins,
      events,
      settings,
      facts,
      logger,
      cache,
      resources,
    ) => {
      const { catalog, limits, store: stores, timeouts } = settings
      const serverInfo = { name: 'mreg', version: facts.version }
      const merged = resources.use(
        new MergedProxy({
          proxy: one,
          access,
          audit,
          store,
          loginUrlFor: (principal, server) => logins.urlFor(principal, server),
          routes,
          upstreams,
          sessions,
          tokens,
          line,
          serverInfo,
          limits,
          timeouts,
          catalog,
          // One gateway alone need not tell itself.
          cache: stores.redisUrl === undefined ? undefined : cache,
          logger,
        }),
      )
      changes.follow(toolsetFollower((change) => merged.toolsetsChanged(change)))
      policies.onChange((tenantId) => merged.accessChanged(tenantId))
      // After the route table, which asked to be told before.
      changes.onDelta((delta) => {
        merged.routesChanged(delta)
        merged.keptChanged(delta)
      })
      events.on('login-changed', (event) => merged.loginChanged(event))
      events.on('server-status-changed', (event) => merged.statusChanged(event))
      return merged
    },
    [
      ServerProxy,
      AccessControl,
      CallAudit,
      KnownPolicies,
      RouteTable,
      ChangeFeed,
      SnapshotCatalogStore,
      Upstreams,
      LegacySessions,
      SessionTokens,
      ProcessLine,
      UpstreamLogins,
      EventsToken,
      SettingsToken,
      FactsToken,
      LoggerToken,
      CacheToken,
      ResourcesToken,
    ],
  )
})
