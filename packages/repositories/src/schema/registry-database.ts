import type { ServerSettings, ServerStatus, TransportKind, Visibility } from '@mreg/core'
import type { ColumnType, Generated } from 'kysely'

import type { ApiKeysTable, AuditEventsTable, IdempotencyKeysTable, PoliciesTable } from './access-tables.ts'
import type {
  CapabilitiesTable,
  DefinitionsTable,
  ExposedNamesTable,
  ToolsetItemsTable,
  ToolsetsTable,
} from './catalog-tables.ts'
import type { CreatedAt, Json, UpdatedAt } from './column-types.ts'

export interface TenantsTable {
  id: string
  /** Of the last change in this tenant. Its row is what writers queue at. */
  revision: Generated<number>
  created_at: CreatedAt
}

export interface ServersTable {
  id: string
  tenant_id: string
  slug: string
  title: string | null
  description: string | null
  version: string | null
  tags: Generated<string[]>
  visibility: Generated<Visibility>
  status: Generated<ServerStatus>
  /** Whether an administrator has taken it out of service. */
  maintenance: Generated<boolean>
  settings: Json<ServerSettings>
  managed_by: Generated<string>
  revision: Generated<number>
  created_at: CreatedAt
  updated_at: UpdatedAt
  /** Of its endpoints, each once. Kept by the database. */
  transports: ColumnType<string[], never, never>
}

export interface ServerEndpointsTable {
  id: string
  tenant_id: string
  server_id: string
  /** Where it stands among the server's endpoints, from 0. */
  position: number
  transport: TransportKind
  url: string | null
  command: string | null
  args: string[] | null
  cwd: string | null
  weight: Generated<number>
  header_names: Generated<string[]>
  env_names: Generated<string[]>
  secret_id: string | null
}

export interface EndpointProbesTable {
  endpoint_id: string
  tenant_id: string
  status: Generated<ServerStatus>
  era: 'modern' | 'legacy' | null
  /** When the era was last seen. */
  era_observed_at: Date | null
  latency_ms: number | null
  message: string | null
  probed_at: Date | null
  next_probe_at: ColumnType<Date, Date | undefined, Date>
  lease_owner: string | null
  lease_expires_at: Date | null
  /** Grows with each lease, so that a holder who was away too long is recognised. */
  fencing_token: Generated<number>
  /** Observations of the same kind that came last, one after the other. */
  failures_in_row: Generated<number>
  successes_in_row: Generated<number>
  /** When it came to the status that it has. */
  status_since: Generated<Date>
}

export interface HealthChecksTable {
  endpoint_id: string
  checked_at: Date
  tenant_id: string
  status: ServerStatus
  era: 'modern' | 'legacy' | null
  latency_ms: number | null
  message: string | null
}

export interface SecretsTable {
  id: string
  tenant_id: string
  ciphertext: Uint8Array
  key_id: string
  created_at: CreatedAt
  updated_at: UpdatedAt
}

export interface UpstreamGrantsTable {
  tenant_id: string
  principal_id: string
  server_id: string
  issuer: string
  ciphertext: Uint8Array
  key_id: string
  /** Of the access token; null when the authorization server did not say. */
  expires_at: Date | null
  /** Grows with each replacement of the tokens. */
  generation: Generated<number>
  /** Until when one process alone may refresh it. */
  claimed_until: Date | null
  created_at: CreatedAt
  updated_at: UpdatedAt
}

export interface ChangesTable {
  tenant_id: string
  revision: number
  kind: string
  object_id: string
  created_at: CreatedAt
}

/** How many servers there are. Kept by the database. */
export interface ServerCountsTable {
  tenant_id: string
  dimension: 'total' | 'status' | 'transport'
  value: string
  count: number
}

/** A view of one tenant's servers, through which their search indexes can be used. */
export interface ServerSearchView {
  id: string
  tenant_id: string
  slug: string
  title: string | null
  description: string | null
  tags: string[]
  status: ServerStatus
  /** Every run of three characters of slug, title and description. */
  grams: string[]
}

/** The tables, for Kysely. */
export interface RegistryDatabase {
  tenants: TenantsTable
  servers: ServersTable
  server_endpoints: ServerEndpointsTable
  endpoint_probes: EndpointProbesTable
  health_checks: HealthChecksTable
  secrets: SecretsTable
  upstream_grants: UpstreamGrantsTable
  changes: ChangesTable
  server_counts: ServerCountsTable
  server_search: ServerSearchView
  api_keys: ApiKeysTable
  policies: PoliciesTable
  audit_events: AuditEventsTable
  idempotency_keys: IdempotencyKeysTable
  definitions: DefinitionsTable
  capabilities: CapabilitiesTable
  exposed_names: ExposedNamesTable
  toolsets: ToolsetsTable
  toolset_items: ToolsetItemsTable
}
