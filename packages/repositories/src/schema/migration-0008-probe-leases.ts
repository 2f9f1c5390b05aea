import type { Migration } from '@mreg/db-pool'

import { fixSearchPath } from './fix-search-path.ts'
import { runStatements } from './run-statements.ts'

/**
 * Every endpoint is on the schedule of probes from the moment that it is stored, whatever version stores it, and what is
 * known of it changes only after several observations. A server can be in maintenance.
 */
export const probeLeases: Migration = {
  async up(kysely) {
    await runStatements(kysely, [
      `alter table endpoint_probes
        add column failures_in_row integer not null default 0,
        add column successes_in_row integer not null default 0,
        add column status_since timestamptz not null default now()`,
      'alter table servers add column maintenance boolean not null default false',
      SCHEDULE,
      fixSearchPath('schedule_probes'),
      `create trigger schedule_probes after insert on server_endpoints
        referencing new table as new_rows for each statement execute function schedule_probes()`,
      // What was there before the trigger.
      `insert into endpoint_probes (endpoint_id, tenant_id)
        select id, tenant_id from server_endpoints on conflict do nothing`,
      `update endpoint_probes set next_probe_at = 'infinity'
        from server_endpoints e where e.id = endpoint_id and e.transport = 'stdio'`,
    ])
  },
}

/**
 * Whoever registers a server probes it at once; if that does not come to its end, it is everybody's turn a little later.
 * A process is watched by the gateway that owns it, never by schedule.
 */
const SCHEDULE = `
  create function schedule_probes() returns trigger language plpgsql security definer as $$
  begin
    insert into endpoint_probes (endpoint_id, tenant_id, next_probe_at)
    select id, tenant_id, case when transport = 'stdio' then 'infinity' else now() + interval '15 seconds' end
    from new_rows on conflict do nothing;
    return null;
  end
  $$`
