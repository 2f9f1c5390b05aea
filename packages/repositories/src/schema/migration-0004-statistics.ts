import type { Migration } from '@mreg/db-pool'

import { fixSearchPath } from './fix-search-path.ts'
import { runStatements } from './run-statements.ts'
import { applyTenantPolicy } from './tenant-policy.ts'

/**
 * How many servers there are, by status and by transport, kept up to date in the transaction that changes them.
 *
 * By triggers, so that it also holds for what an older version writes. They run with the rights of the owner: tenants read
 * the counts and cannot write them. Whoever changes servers holds the tenant's lock, so nobody waits for the counts.
 */
export const statistics: Migration = {
  async up(kysely) {
    await runStatements(kysely, TABLES)
    await applyTenantPolicy(kysely, {
      table: 'server_counts',
      tenantColumn: 'tenant_id',
      privileges: 'select',
    })
    await runStatements(kysely, [
      // What was there before the triggers.
      count(counted('servers', 1)),
      REFRESH_TRANSPORTS,
      COUNT_SERVERS,
      ...['refresh_server_transports', 'count_servers'].map(fixSearchPath),
      ...triggersOn('server_endpoints', 'refresh_server_transports'),
      ...triggersOn('servers', 'count_servers'),
    ])
  },
}

const TABLES = [
  // The transports of a server's endpoints, each once, so that counting servers needs no look at endpoints.
  `alter table servers add column transports text[] not null default '{}'`,
  `update servers set transports = array(
    select distinct transport from server_endpoints where server_id = servers.id order by transport
  )`,
  `create table server_counts (
    tenant_id text collate "C" not null references tenants,
    dimension text not null check (dimension in ('total', 'status', 'transport')),
    value text not null,
    count bigint not null,
    primary key (tenant_id, dimension, value)
  )`,
]

/** What the rows of `rows` count for. */
const counted = (rows: string, sign: 1 | -1): string => `
  select tenant_id, dimension, value, ${sign} as change from ${rows} cross join lateral (
    select 'total', '' union all select 'status', status union all select 'transport', unnest(transports)
  ) facts (dimension, value)`

const count = (changes: string): string => `
  insert into server_counts (tenant_id, dimension, value, count)
  select tenant_id, dimension, value, sum(change) from (${changes}) changes
  group by tenant_id, dimension, value having sum(change) <> 0
  order by tenant_id, dimension, value
  on conflict (tenant_id, dimension, value) do update set count = server_counts.count + excluded.count;`

const COUNT_SERVERS = `
  create function count_servers() returns trigger language plpgsql security definer as $$
  begin
    if tg_op = 'INSERT' then
      ${count(counted('new_rows', 1))}
    elsif tg_op = 'DELETE' then
      ${count(counted('old_rows', -1))}
    else
      ${count(`${counted('new_rows', 1)} union all ${counted('old_rows', -1)}`)}
    end if;
    return null;
  end
  $$`

const REFRESH_TRANSPORTS = `
  create function refresh_server_transports() returns trigger language plpgsql security definer as $$
  declare
    touched uuid[];
  begin
    if tg_op = 'INSERT' then
      select array_agg(distinct server_id) into touched from new_rows;
    elsif tg_op = 'DELETE' then
      select array_agg(distinct server_id) into touched from old_rows;
    else
      select array_agg(distinct server_id) into touched
      from (select server_id from new_rows union all select server_id from old_rows) both_rows;
    end if;
    update servers set transports = found.transports
    from (
      select id, array(
        select distinct transport from server_endpoints where server_id = touched_ids.id order by transport
      ) as transports
      from unnest(touched) touched_ids (id)
    ) found
    where servers.id = found.id and servers.transports <> found.transports;
    return null;
  end
  $$`

const triggersOn = (table: string, run: string): readonly string[] =>
  (['insert', 'update', 'delete'] as const).map((event) => {
    const old = event === 'insert' ? '' : 'old table as old_rows'
    const fresh = event === 'delete' ? '' : 'new table as new_rows'
    return `create trigger ${run}_on_${event} after ${event} on ${table}
      referencing ${old} ${fresh} for each statement execute function ${run}()`
  })
