export { migrations } from './schema/migrations.ts'
export type {
  ChangesTable,
  EndpointProbesTable,
  HealthChecksTable,
  RegistryDatabase,
  SecretsTable,
  ServerCountsTable,
  ServerEndpointsTable,
  ServerSearchView,
  ServersTable,
  TenantsTable,
  UpstreamGrantsTable,
} from './schema/registry-database.ts'
export type {
  ApiKeysTable,
  AuditEventsTable,
  IdempotencyKeysTable,
  PoliciesTable,
} from './schema/access-tables.ts'
export type {
  CapabilitiesTable,
  CapabilityFlag,
  CapabilityKind,
  CapabilityState,
  DefinitionsTable,
  ExposedNamesTable,
  ToolsetItemsTable,
  ToolsetsTable,
} from './schema/catalog-tables.ts'
export { TENANT_ROLE, TENANT_SETTING } from './schema/tenant-door.ts'

export { BaseRepository, type Entity, type UpdateOptions } from './base/base-repository.ts'
export { isEntityId, newEntityId, timeOfEntityId } from './base/entity-id.ts'
export { MAX_PAGE_LIMIT, type Page, type PageRequest } from './base/page.ts'

export type { NewEndpoint, NewServer, ServerFilter, ServerPatch } from './servers/new-server.ts'
export { ServerRepository } from './servers/server-repository.ts'
export type { ServerStatistics } from './servers/server-statistics.ts'
export { type OverallStatistics, StatisticsRepository } from './statistics/statistics-repository.ts'
export { EndpointProbeRepository, type KnownStatuses } from './probes/endpoint-probe-repository.ts'
export type { HealthCheck } from './checks/health-check.ts'
export type { ProbeResult, StoredProbe, Witnessed } from './probes/probe-result.ts'
export { PROBE_JITTER, type StatusPolicy } from './probes/status-policy.ts'
export { type ProbeLease, ProbeLeaseRepository } from './probes/probe-lease-repository.ts'
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

export type { ApiKeyPatch, ApiKeyRecord, NewApiKey, StoredApiKey } from './keys/api-key.ts'
export { ApiKeyDirectory } from './keys/api-key-directory.ts'
export { ApiKeyRepository } from './keys/api-key-repository.ts'
export type { NewPolicy, PolicyPatch, PolicyRecord, PolicySubject } from './policies/policy.ts'
export { PolicyDirectory } from './policies/policy-directory.ts'
export { PolicyRepository } from './policies/policy-repository.ts'
export type { AuditEvent, AuditFilter, AuditRecord } from './audit/audit-event.ts'
export { AuditEventRepository } from './audit/audit-event-repository.ts'
export {
  type IdempotencyClaim,
  type IdempotencyKey,
  IdempotencyKeyRepository,
} from './idempotency/idempotency-key-repository.ts'
export { PRUNE_STEP_LENGTH, RetentionRepository } from './retention/retention-repository.ts'

export type { CapabilityList, CapabilityRecord, LookAlike, OfferedCapability } from './catalog/capability.ts'
export {
  type CapabilityMove,
  CapabilityRepository,
  type CapabilityVerdict,
  type Observation,
} from './catalog/capability-repository.ts'
export type { CapabilityDecision, ChangeControl } from './catalog/next-standing.ts'
export { CatalogSnapshotRepository } from './catalog/catalog-snapshot-repository.ts'
export { type ExposedName, ExposedNameRepository } from './catalog/exposed-name-repository.ts'
export type { NewToolset, ToolsetItem, ToolsetPatch, ToolsetRecord } from './toolsets/toolset.ts'
export { ToolsetDirectory } from './toolsets/toolset-directory.ts'
export { ToolsetRepository } from './toolsets/toolset-repository.ts'

export { CHANGES_CHANNEL, CHANGES_PAYLOAD } from './changes/append-change.ts'
export { type Change, ChangeRepository } from './changes/change-repository.ts'
export {
  type SnapshotEndpoint,
  SnapshotRepository,
  type SnapshotServer,
  type WithheldCapability,
} from './snapshot/snapshot-repository.ts'
export { decodeCursor, encodeCursor, invalidCursor } from './base/cursor.ts'
