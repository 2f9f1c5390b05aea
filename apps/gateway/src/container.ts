import {
  AccessControl,
  ApiKeys,
  AuditLog,
  AuditTrail,
  Authenticator,
  Callers,
  Policies,
  RequestLimits,
  Tenants,
  UpstreamLogins,
  loadKeys,
} from '@mreg/access'
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
  type ProcessFacts,
  proxy,
  registry,
  RegistryStart,
  ResourcesToken,
  SettingsToken,
  upstream,
  WatchToken,
} from '@mreg/composition'
import type { Logger, Settings } from '@mreg/core'
import { HttpPool } from '@mreg/http-pool'
import { ActiveRequests, Fallback, MergedProxy, RouteTable, ServerProxy, Traffic } from '@mreg/proxy'
import { CapabilityReview, Registry, RouteSnapshots, Toolsets } from '@mreg/registry'
import { LegacySessions, Upstreams } from '@mreg/upstream'
import { type Container, ContainerModule } from 'inversify'

import { Gateway } from './gateway.ts'
import { LOGIN_RETURN_PATH } from './http/routes/login-return.ts'
import { MetricsPage } from './metrics/metrics-page.ts'
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
    snapshotDirectory: data.snapshotDirectory,
    auditDirectory: data.auditDirectory,
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
  bind(MetricsPage).toResolvedValue(
    (traffic, fallback, routes, upstreams, requests, limits, trail, sessions, pool, shared, http) =>
      new MetricsPage({
        traffic,
        fallback,
        routes,
        upstreams,
        figures: () => ({
          servers: routes.size,
          requestsInFlight: requests.size,
          limits,
          audit: { ...trail.figures, pending: trail.pending },
          sessions: sessions.size,
          processes: processesOf(routes, upstreams),
          database: pool.stats(),
          cache: shared.stats(),
          http: http.stats(),
        }),
      }),
    [
      Traffic,
      Fallback,
      RouteTable,
      Upstreams,
      ActiveRequests,
      RequestLimits,
      AuditTrail,
      LegacySessions,
      DatabaseToken,
      CacheToken,
      HttpPool,
    ],
  )
  bind(Gateway).toResolvedValue(
    (
      settings,
      logger,
      lifecycle,
      pool,
      shared,
      start,
      kept,
      routes,
      server,
      merged,
      requests,
      traffic,
      upstreams,
      metrics,
      registered,
      toolsets,
      review,
      logins,
      watch,
      authenticator,
      apiKeys,
      callers,
      policies,
      tenants,
      trail,
      auditLog,
      rules,
      limits,
      resources,
    ) =>
      resources.use(
        new Gateway({
          settings,
          logger,
          lifecycle,
          registry: start,
          watch,
          onListening: (url) => {
            if (settings.access.mode === 'none') logins.comeBackTo(new URL(LOGIN_RETURN_PATH, url).href)
          },
          createHttp: async (http) => {
            // Loaded while the database opens in its thread.
            const { createHttpServer } = await import('./http/server.ts')
            return await createHttpServer({
              settings,
              logger,
              lifecycle,
              authenticator,
              apiKeys,
              callers,
              policies,
              tenants,
              trail,
              auditLog,
              access: rules,
              limits,
              registry: registered,
              toolsets,
              review,
              logins,
              routes,
              proxy: server,
              merged,
              requests,
              traffic,
              upstreams,
              metrics,
              version,
              isDatabasePrepared: (withinMs) => start.isPrepared(withinMs),
              http,
              components: () => ({
                database: { kind: pool.kind, ...pool.stats() },
                cache: shared.stats(),
                registry: kept.state(),
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
      RegistryStart,
      RouteSnapshots,
      RouteTable,
      ServerProxy,
      MergedProxy,
      ActiveRequests,
      Traffic,
      Upstreams,
      MetricsPage,
      Registry,
      Toolsets,
      CapabilityReview,
      UpstreamLogins,
      WatchToken,
      Authenticator,
      ApiKeys,
      Callers,
      Policies,
      Tenants,
      AuditTrail,
      AuditLog,
      AccessControl,
      RequestLimits,
      ResourcesToken,
    ],
  )
})

/** How many processes of servers run here. */
const processesOf = (routes: RouteTable, upstreams: Upstreams): number => {
  let count = 0
  for (const { endpoint } of routes.targets()) count += upstreams.stdioState(endpoint.id)?.processes ?? 0
  return count
}
