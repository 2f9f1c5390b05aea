import type { Migration } from '@mreg/db-pool'
import { sql } from 'kysely'

import { applyTenantPolicy } from './tenant-policy.ts'

/**
 * What each probe found, for as long as it is kept.
 *
 * Written often and pruned in the background, so no foreign key: removing an endpoint must not wait for
 * thousands of rows, nor a probe for whoever changes a server. Rows of endpoints that are gone cannot be read, and are pruned.
 */
export const healthChecks: Migration = {
  async up(kysely) {
    await sql.raw(TABLE).execute(kysely)
    await applyTenantPolicy(kysely, {
      table: 'health_checks',
      tenantColumn: 'tenant_id',
      privileges: 'select',
    })
  },
}

// Every query is about one endpoint and a stretch of time: the key is the only index.
const TABLE = `create table health_checks (
  endpoint_id uuid not null,
  checked_at timestamptz not null,
  tenant_id text collate "C" not null,
  status text not null,
  era text,
  latency_ms integer,
  message text,
  primary key (endpoint_id, checked_at)
)`
