import type { Migration } from '@mreg/db-pool'

import { runStatements } from './run-statements.ts'
import { applyTenantPolicy } from './tenant-policy.ts'

/** Who may come in and do what, what they did, and what was answered to requests that may be repeated. */
export const access: Migration = {
  async up(kysely) {
    await runStatements(kysely, TABLES)
    for (const table of ['api_keys', 'policies', 'idempotency_keys']) {
      // oxlint-disable-next-line no-await-in-loop -- one connection runs one statement at a time
      await applyTenantPolicy(kysely, {
        table,
        tenantColumn: 'tenant_id',
        privileges: 'select, insert, update, delete',
      })
    }
    // What happened is never rewritten.
    await applyTenantPolicy(kysely, {
      table: 'audit_events',
      tenantColumn: 'tenant_id',
      privileges: 'select, insert',
    })
  },
}

const ROLES = "'admin', 'operator', 'user', 'readonly'"

const TABLES = [
  `create table api_keys (
    id uuid primary key,
    tenant_id text collate "C" not null references tenants,
    lookup_id text collate "C" not null unique check (lookup_id <> ''),
    hash bytea not null,
    name text not null,
    principal_id text collate "C" not null check (principal_id <> ''),
    role text not null check (role in (${ROLES})),
    scopes jsonb not null default '{}',
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    revision bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
  ) with (fillfactor = 80)`,
  'create index api_keys_tenant_index on api_keys (tenant_id, id)',

  `create table policies (
    id uuid primary key,
    tenant_id text collate "C" not null references tenants,
    name text collate "C" not null check (name <> ''),
    subject_kind text not null check (subject_kind in ('tenant', 'role', 'key')),
    subject_id text collate "C" not null default '',
    rules jsonb not null,
    managed_by text not null default 'api',
    revision bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint policies_name_key unique (tenant_id, name)
  )`,

  // The id begins with the time, so its order is that of the events.
  `create table audit_events (
    id uuid primary key,
    tenant_id text collate "C" not null references tenants,
    occurred_at timestamptz not null,
    principal_id text collate "C" not null,
    action text collate "C" not null,
    object_id text collate "C",
    outcome text not null check (outcome in ('success', 'denied', 'failure')),
    request_id text,
    details jsonb not null default '{}'
  )`,
  'create index audit_events_tenant_index on audit_events (tenant_id, id)',
  'create index audit_events_principal_index on audit_events (tenant_id, principal_id, id)',
  'create index audit_events_action_index on audit_events (tenant_id, action, id)',
  'create index audit_events_object_index on audit_events (tenant_id, object_id, id) where object_id is not null',

  `create table idempotency_keys (
    tenant_id text collate "C" not null references tenants,
    principal_id text collate "C" not null,
    key text collate "C" not null check (octet_length(key) between 1 and 255),
    fingerprint text not null,
    answer jsonb,
    created_at timestamptz not null default now(),
    primary key (tenant_id, principal_id, key)
  )`,
  'create index idempotency_keys_age_index on idempotency_keys (created_at)',
]
