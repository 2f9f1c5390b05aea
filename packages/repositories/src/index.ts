export { migrations } from './schema/migrations.ts'
export type {
  ChangesTable,
  EndpointProbesTable,
  HealthChecksTable,
  RegistryDatabase,
  SecretsTable,
  ServerEndpointsTable,
  ServersTable,
  TenantsTable,
  UpstreamGrantsTable,
} from './schema/registry-database.ts'
export { TENANT_ROLE, TENANT_SETTING } from './schema/tenant-door.ts'

export { BaseRepository, type Entity, type UpdateOptions } from './base/base-repository.ts'
export { isEntityId, newEntityId } from './base/entity-id.ts'
export { MAX_PAGE_LIMIT, type Page, type PageRequest } from './base/page.ts'

export type { NewEndpoint, NewServer, ServerFilter, ServerPatch } from './servers/new-server.ts'
export { ServerRepository } from './servers/server-repository.ts'
export { EndpointProbeRepository, type KnownStatuses } from './probes/endpoint-probe-repository.ts'
export type { HealthCheck } from './checks/health-check.ts'
export { HealthCheckLog, type HealthCheckRetention, type PruneStep } from './checks/health-check-log.ts'
export { HealthCheckRepository } from './checks/health-check-repository.ts'
export {
  type GrantKey,
  type NewGrant,
  type StoredGrant,
  UpstreamGrantRepository,
} from './grants/upstream-grant-repository.ts'
export { SecretRepository, type StoredSecret } from './secrets/secret-repository.ts'
export { TenantRepository, type TenantRecord } from './tenants/tenant-repository.ts'

export { CHANGES_CHANNEL, CHANGES_PAYLOAD } from './changes/append-change.ts'
export { type Change, ChangeRepository } from './changes/change-repository.ts'
export {
  type SnapshotEndpoint,
  SnapshotRepository,
  type SnapshotServer,
} from './snapshot/snapshot-repository.ts'
