import type { Migration } from '@mreg/db-pool'

import { createTenantRole } from './create-tenant-role.ts'
import { runStatements } from './run-statements.ts'
import { TENANT_ROLE } from './tenant-door.ts'
import { applyTenantPolicy } from './tenant-policy.ts'

/**
 * Tenants, servers with their endpoints, what probes found, secrets and the change log.
 *
 * Every foreign key inside a tenant carries the tenant: checks of foreign keys do not obey row-level security.
 */
export const registry: Migration = {
  async up(kysely) {
    await createTenantRole(kysely, TENANT_ROLE)
    await runStatements(kysely, TABLES)
    for (const table of ['servers', 'server_endpoints', 'endpoint_probes', 'secrets']) {
      // oxlint-disable-next-line no-await-in-loop -- one connection runs one statement at a time
      await applyTenantPolicy(kysely, {
        table,
        tenantColumn: 'tenant_id',
        privileges: 'select, insert, update, delete',
      })
    }
    await applyTenantPolicy(kysely, {
      table: 'changes',
      tenantColumn: 'tenant_id',
      privileges: 'select, insert',
    })
    await applyTenantPolicy(kysely, {
      table: 'tenants',
      tenantColumn: 'id',
      privileges: 'select, update (revision)',
    })
  },
}

const STATUSES = "'unknown', 'healthy', 'degraded', 'unhealthy', 'needs_login', 'maintenance'"

const TABLES = [
  `create table tenants (
    id text collate "C" primary key check (id <> ''),
    revision bigint not null default 0,
    created_at timestamptz not null default now()
  )`,

  `create table secrets (
    id uuid primary key,
    tenant_id text collate "C" not null references tenants,
    ciphertext bytea not null,
    key_id text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (tenant_id, id)
  )`,

  `create table servers (
    id uuid primary key,
    tenant_id text collate "C" not null references tenants,
    slug text collate "C" not null check (slug ~ '^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$'),
    title text,
    description text,
    version text,
    tags text[] not null default '{}',
    visibility text not null default 'private' check (visibility in ('private', 'public')),
    status text not null default 'unknown' check (status in (${STATUSES})),
    settings jsonb not null default '{}',
    managed_by text not null default 'api',
    revision bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint servers_slug_key unique (tenant_id, slug),
    unique (tenant_id, id)
  )`,
  // Lists of one status; lists of all follow servers_slug_key.
  'create index servers_status_index on servers (tenant_id, status, slug)',

  `create table server_endpoints (
    id uuid primary key,
    tenant_id text collate "C" not null,
    server_id uuid not null,
    position integer not null check (position >= 0),
    transport text not null check (transport in ('streamable-http', 'sse', 'stdio')),
    url text,
    command text,
    args text[],
    cwd text,
    weight integer not null default 1 check (weight >= 0),
    header_names text[] not null default '{}',
    env_names text[] not null default '{}',
    secret_id uuid,
    unique (tenant_id, id),
    foreign key (tenant_id, server_id) references servers (tenant_id, id) on delete cascade,
    foreign key (tenant_id, secret_id) references secrets (tenant_id, id),
    check (case when transport = 'stdio' then command is not null and url is null else url is not null and command is null end)
  )`,
  'create index server_endpoints_server_index on server_endpoints (server_id, position)',
  'create index server_endpoints_transport_index on server_endpoints (tenant_id, transport, server_id)',
  'create index server_endpoints_secret_index on server_endpoints (tenant_id, secret_id) where secret_id is not null',

  // Written often: room on the page keeps the updates cheap.
  `create table endpoint_probes (
    endpoint_id uuid primary key,
    tenant_id text collate "C" not null,
    status text not null default 'unknown' check (status in (${STATUSES})),
    era text check (era in ('modern', 'legacy')),
    era_observed_at timestamptz,
    latency_ms integer,
    message text,
    probed_at timestamptz,
    next_probe_at timestamptz not null default now(),
    lease_owner text,
    lease_expires_at timestamptz,
    fencing_token bigint not null default 0,
    foreign key (tenant_id, endpoint_id) references server_endpoints (tenant_id, id) on delete cascade
  ) with (fillfactor = 70)`,
  'create index endpoint_probes_due_index on endpoint_probes (next_probe_at)',

  `create table changes (
    tenant_id text collate "C" not null references tenants,
    revision bigint not null,
    kind text not null,
    object_id text not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, revision)
  )`,
]
