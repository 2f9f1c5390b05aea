import type { ServerSettings, ServerStatus, TransportKind, Visibility } from '@mreg/core'
import type { ColumnType, Generated } from 'kysely'

/** Set by the database when the row is made. */
type CreatedAt = ColumnType<Date, never, never>
/** Text in, so that both drivers hand it over alike. */
type Json<T> = ColumnType<T, string | undefined, string>

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
  settings: Json<ServerSettings>
  managed_by: Generated<string>
  revision: Generated<number>
  created_at: CreatedAt
  updated_at: ColumnType<Date, never, Date>
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
  updated_at: ColumnType<Date, never, Date>
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
  updated_at: ColumnType<Date, never, Date>
}

export interface ChangesTable {
  tenant_id: string
  revision: number
  kind: string
  object_id: string
  created_at: CreatedAt
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
}
