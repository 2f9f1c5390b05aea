import {
  AccessControl,
  ApiKeyHasher,
  ApiKeys,
  ApiKeyUses,
  AuditLog,
  AuditSpool,
  AuditTrail,
  Authenticator,
  Callers,
  CredentialVault,
  KeyRing,
  KnownApiKeys,
  KnownPolicies,
  Policies,
  RequestLimits,
  Tenants,
} from '@mreg/access'
import { ChangeFeed, recordFollower } from '@mreg/registry'
import { ApiKeyDirectory, PolicyDirectory } from '@mreg/repositories'
import { ContainerModule } from 'inversify'

import {
  CacheToken,
  DatabaseToken,
  DriversToken,
  FactsToken,
  KeysToken,
  LoggerToken,
  ResourcesToken,
  SettingsToken,
} from '../tokens.ts'
import { bindLogins, LoginNetworkToken } from './logins.ts'

/** Who may do what, and what is sealed with which key. */
export const access: ContainerModule = new ContainerModule(({ bind }) => {
  bind(KeyRing).toResolvedValue((keys) => new KeyRing(keys.secretKeys), [KeysToken])
  bind(CredentialVault).toResolvedValue((keys) => new CredentialVault(keys), [KeyRing])
  bind(ApiKeyHasher).toResolvedValue((keys) => new ApiKeyHasher(keys), [KeyRing])
  bind(KnownApiKeys).toResolvedValue(
    (hasher, changes, database, logger, resources) => {
      const known = new KnownApiKeys(hasher)
      changes.follow(
        recordFollower({
          kinds: 'api_key_',
          all: (session) => new ApiKeyDirectory(session).all(),
          byIds: (session, ids) => new ApiKeyDirectory(session).byIds(ids),
          tell: (ids, records) => (ids === undefined ? known.replace(records) : known.update(ids, records)),
        }),
      )
      resources.use(new ApiKeyUses({ database, known, logger }))
      return known
    },
    [ApiKeyHasher, ChangeFeed, DatabaseToken, LoggerToken, ResourcesToken],
  )
  bind(KnownPolicies).toResolvedValue(
    (changes) => {
      const known = new KnownPolicies()
      changes.follow(
        recordFollower({
          kinds: 'policy_',
          all: (session) => new PolicyDirectory(session).all(),
          byIds: (session, ids) => new PolicyDirectory(session).byIds(ids),
          tell: (ids, records) => (ids === undefined ? known.replace(records) : known.update(ids, records)),
        }),
      )
      return known
    },
    [ChangeFeed],
  )
  bind(AccessControl).toResolvedValue(
    (apiKeys, policies, { security: { withoutPolicy } }) =>
      new AccessControl({ apiKeys, policies, withoutPolicy }),
    [KnownApiKeys, KnownPolicies, SettingsToken],
  )
  bind(AuditTrail).toResolvedValue(
    (database, { audit, store }, { auditDirectory }, logger, resources) =>
      resources.use(
        new AuditTrail({
          database,
          logger,
          // What is in memory is gone with the process: nothing else may outlive it.
          spool:
            auditDirectory === undefined || store.kind === 'memory'
              ? undefined
              : new AuditSpool({ directory: auditDirectory, maxBytes: audit.maxSpoolBytes }),
        }),
      ),
    [DatabaseToken, SettingsToken, FactsToken, LoggerToken, ResourcesToken],
  )
  bind(AuditLog).toResolvedValue((database) => new AuditLog(database), [DatabaseToken])
  bind(Tenants).toResolvedValue(
    (database, changes) => new Tenants({ database, catchUp: () => changes.catchUp() }),
    [DatabaseToken, ChangeFeed],
  )
  bind(Policies).toResolvedValue(
    (database, changes, { limits }) =>
      new Policies({
        database,
        catchUp: () => changes.catchUp(),
        maxPoliciesPerTenant: limits.maxPoliciesPerTenant,
      }),
    [DatabaseToken, ChangeFeed, SettingsToken],
  )
  bind(RequestLimits).toResolvedValue(
    (cache, { limits, rates, store }) =>
      new RequestLimits({
        rates,
        maxInFlight: limits.maxInFlightRequests,
        maxInFlightPerUpstream: limits.maxInFlightPerUpstream,
        shared: store.redisUrl === undefined ? undefined : cache,
      }),
    [CacheToken, SettingsToken],
  )
  bind(ApiKeys).toResolvedValue(
    (database, hasher, changes, { limits }) =>
      new ApiKeys({
        database,
        hasher,
        catchUp: () => changes.catchUp(),
        maxKeysPerTenant: limits.maxApiKeysPerTenant,
      }),
    [DatabaseToken, ApiKeyHasher, ChangeFeed, SettingsToken],
  )
  bind(Authenticator).toResolvedValue(
    (keys, apiKeys, changes, settings, { JwtVerifier }, network, logger) => {
      const { issuer } = settings.oidc
      return new Authenticator({
        adminKey: keys.adminKey,
        mode: settings.access.mode,
        apiKeys,
        areKeysCurrent: () => (changes.confirmedAgeMs ?? 0) <= settings.security.keysWithoutDatabaseMs,
        tokens:
          JwtVerifier === undefined || issuer === undefined
            ? undefined
            : new JwtVerifier({
                oidc: { ...settings.oidc, issuer },
                network,
                isTenant: (id) => changes.revisions.has(id),
                logger,
              }),
      })
    },
    [KeysToken, KnownApiKeys, ChangeFeed, SettingsToken, DriversToken, LoginNetworkToken, LoggerToken],
  )
  bind(Callers).toResolvedValue(
    (authenticator, apiKeys) => new Callers(authenticator, apiKeys),
    [Authenticator, KnownApiKeys],
  )
  bindLogins({ bind })
})
