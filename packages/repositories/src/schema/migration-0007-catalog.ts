import type { Migration } from '@mreg/db-pool'

import { runStatements } from './run-statements.ts'
import { applyTenantPolicy } from './tenant-policy.ts'

/** What servers offer, under which names it is shown, and the selections that are made of it. */
export const catalog: Migration = {
  async up(kysely) {
    await runStatements(kysely, TABLES)
    for (const table of ['definitions', 'capabilities', 'exposed_names', 'toolsets', 'toolset_items']) {
      // oxlint-disable-next-line no-await-in-loop -- one connection runs one statement at a time
      await applyTenantPolicy(kysely, {
        table,
        tenantColumn: 'tenant_id',
        privileges: 'select, insert, update, delete',
      })
    }
  },
}

const KINDS = "'tool', 'resource', 'resource_template', 'prompt'"

const TABLES = [
  // The same definition is kept once in a tenant, however many servers and principals have it.
  `create table definitions (
    tenant_id text collate "C" not null references tenants,
    hash text collate "C" not null check (octet_length(hash) between 1 and 128),
    body bytea not null,
    created_at timestamptz not null default now(),
    primary key (tenant_id, hash)
  )`,

  `create table capabilities (
    server_id uuid not null,
    scope_key text collate "C" not null default '',
    kind text collate "C" not null check (kind in (${KINDS})),
    name text collate "C" not null check (octet_length(name) between 1 and 1024),
    tenant_id text collate "C" not null,
    observed_hash text collate "C" not null,
    approved_hash text collate "C",
    state text collate "C" not null check (state in ('accepted', 'changed', 'quarantined', 'disabled', 'gone')),
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    primary key (server_id, scope_key, kind, name),
    foreign key (tenant_id, server_id) references servers (tenant_id, id) on delete cascade,
    foreign key (tenant_id, observed_hash) references definitions (tenant_id, hash),
    foreign key (tenant_id, approved_hash) references definitions (tenant_id, hash)
  )`,
  'create index capabilities_name_index on capabilities (tenant_id, name, server_id)',
  `create index capabilities_gone_index on capabilities (last_seen_at) where state = 'gone'`,
  // For finding the definitions that nobody needs any more.
  'create index capabilities_observed_index on capabilities (tenant_id, observed_hash)',
  'create index capabilities_approved_index on capabilities (tenant_id, approved_hash) where approved_hash is not null',

  // Names stay for ever: by slug and not by server, so that a server that is registered anew has its old names.
  `create table exposed_names (
    tenant_id text collate "C" not null references tenants,
    kind text collate "C" not null check (kind in (${KINDS})),
    exposed text collate "C" not null check (octet_length(exposed) between 1 and 1200),
    slug text collate "C" not null,
    original text collate "C" not null check (octet_length(original) between 1 and 1024),
    created_at timestamptz not null default now(),
    primary key (tenant_id, kind, exposed),
    constraint exposed_names_original_key unique (tenant_id, kind, slug, original)
  )`,

  `create table toolsets (
    id uuid primary key,
    tenant_id text collate "C" not null references tenants,
    slug text collate "C" not null check (slug ~ '^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$'),
    title text,
    description text,
    managed_by text not null default 'api',
    revision bigint not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint toolsets_slug_key unique (tenant_id, slug),
    unique (tenant_id, id)
  )`,

  // By the slug of a server, which never changes: a set may name one that is not registered yet.
  `create table toolset_items (
    toolset_id uuid not null,
    position integer not null check (position >= 0),
    tenant_id text collate "C" not null,
    effect text not null check (effect in ('include', 'exclude')),
    server_slug text collate "C",
    tag text,
    name_pattern text,
    read_only_only boolean not null default false,
    rename text,
    description text,
    primary key (toolset_id, position),
    foreign key (tenant_id, toolset_id) references toolsets (tenant_id, id) on delete cascade
  )`,
]
