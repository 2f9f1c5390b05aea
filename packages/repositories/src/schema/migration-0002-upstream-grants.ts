import type { Migration } from '@mreg/db-pool'
import { sql } from 'kysely'

import { applyTenantPolicy } from './tenant-policy.ts'

/** What the authorization servers of MCP servers gave to principals: sealed tokens, which go with their server. */
export const upstreamGrants: Migration = {
  async up(kysely) {
    await sql.raw(TABLE).execute(kysely)
    await sql.raw(SERVER_INDEX).execute(kysely)
    await applyTenantPolicy(kysely, {
      table: 'upstream_grants',
      tenantColumn: 'tenant_id',
      privileges: 'select, insert, update, delete',
    })
  },
}

const TABLE = `create table upstream_grants (
  tenant_id text collate "C" not null,
  principal_id text collate "C" not null check (principal_id <> ''),
  server_id uuid not null,
  issuer text not null,
  ciphertext bytea not null,
  key_id text not null,
  expires_at timestamptz,
  generation bigint not null default 1,
  claimed_until timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, server_id, principal_id),
  foreign key (tenant_id, server_id) references servers (tenant_id, id) on delete cascade
)`

// For snapshots, which read the servers of all tenants.
const SERVER_INDEX = 'create index upstream_grants_server_index on upstream_grants (server_id)'
