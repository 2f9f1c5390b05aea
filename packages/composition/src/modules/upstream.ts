import { join } from 'node:path'

import { CredentialVault, UpstreamGrants } from '@mreg/access'
import { HttpPool, NameResolver } from '@mreg/http-pool'
import {
  circuitBus,
  CircuitFile,
  type CredentialSource,
  LegacySessions,
  savedCircuits,
  SessionTombstones,
  Upstreams,
} from '@mreg/upstream'
import { ContainerModule } from 'inversify'

import { grantCredentials } from '../grant-credentials.ts'
import { poolOptions } from '../pool-options.ts'
import { CacheToken, EventsToken, FactsToken, LoggerToken, ResourcesToken, SettingsToken } from '../tokens.ts'
import { vaultCredentials } from '../vault-credentials.ts'

/** The way to MCP servers. */
export const upstream: ContainerModule = new ContainerModule(({ bind }) => {
  // One memory of names for all pools.
  bind(NameResolver).toResolvedValue(() => new NameResolver(), [])
  bind(HttpPool).toResolvedValue(
    (settings, facts, names, resources) =>
      resources.use(new HttpPool(poolOptions({ settings, facts, names, kinds: settings.egress.allow }))),
    [SettingsToken, FactsToken, NameResolver, ResourcesToken],
  )
  bind(Upstreams).toResolvedValue(
    (pool, vault, grants, cache, settings, facts, events, logger, resources) => {
      const credentials: CredentialSource = grantCredentials(
        vaultCredentials(vault),
        grants,
        settings.access.mode,
      )
      const path = join(facts.databaseDirectory, 'circuits.json')
      const upstreams = resources.use(
        new Upstreams({
          pool,
          credentials,
          breaker: settings.breaker,
          circuits: { sync: circuitBus(cache), saved: facts.role === 'gateway' ? savedCircuits(path) : [] },
          connectTimeoutMs: settings.timeouts.connectMs,
          maxMessageBytes: settings.limits.maxReplyBytes,
          clientInfo: { name: 'mreg', version: facts.version },
          // A process belongs to the gateway that started it; a worker starts none.
          stdio:
            facts.role === 'gateway'
              ? { limits: settings.stdio, clientInfo: { name: 'mreg', version: facts.version } }
              : undefined,
          events,
          logger,
        }),
      )
      if (facts.role === 'gateway') {
        const file = resources.use(
          new CircuitFile({
            path,
            snapshot: () => upstreams.circuits.snapshot(),
            onError: (error) => logger.warn('open circuits could not be kept for the next start', { error }),
          }),
        )
        upstreams.circuits.onTransition(() => file.changed())
      }
      return upstreams
    },
    [
      HttpPool,
      CredentialVault,
      UpstreamGrants,
      CacheToken,
      SettingsToken,
      FactsToken,
      EventsToken,
      LoggerToken,
      ResourcesToken,
    ],
  )
  bind(SessionTombstones).toResolvedValue(
    (cache, { limits, timeouts }, resources) =>
      resources.use(
        new SessionTombstones({ cache, tombstoneMs: timeouts.sessionMs, maxPending: limits.maxSessions }),
      ),
    [CacheToken, SettingsToken, ResourcesToken],
  )
  bind(LegacySessions).toResolvedValue(
    ({ limits, timeouts }, tombstones) =>
      new LegacySessions({
        maxSessions: limits.maxSessions,
        maxPerPrincipal: limits.maxSessionsPerPrincipal,
        maxPerTenant: limits.maxSessionsPerTenant,
        idleMs: timeouts.sessionIdleMs,
        tombstoneMs: timeouts.sessionMs,
        tombstones,
      }),
    [SettingsToken, SessionTombstones],
  )
})
