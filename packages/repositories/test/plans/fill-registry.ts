import type { RegistryDatabase } from '@mreg/repositories'
import { type Kysely, sql } from 'kysely'

/**
 * Fills the tables of two tenants: 100,000 servers, half of them with an endpoint, and so much of the rest that reading a table from end to end cannot be
 * the quickest way. One in a thousand servers is rare: by its transport, a tag, a word and what it offers.
 */
export const fillRegistry = async (
  kysely: Kysely<RegistryDatabase>,
  [one, two]: readonly [string, string],
): Promise<void> => {
  const tenant = sql`case when n % 2 = 0 then ${one} else ${two} end`
  const statements = [
    // What this trigger does for each server is written with the servers.
    sql`alter table server_endpoints disable trigger refresh_server_transports_on_insert`,
    sql`
      insert into servers (id, tenant_id, slug, title, tags, status, transports)
      select md5('server ' || n)::uuid, ${tenant}, 's-' || n,
        case when n % 1000 = 0 then 'needle' else 'hay' end,
        case when n % 1000 = 0 then '{all,rare}' else '{all}' end::text[],
        case when n % 1000 = 0 then 'unhealthy' else 'healthy' end,
        case when n % 1000 = 0 then '{stdio}' else '{sse}' end::text[]
      from generate_series(1, 100000) n
    `,
    sql`
      insert into server_endpoints (id, tenant_id, server_id, position, transport, url, command)
      select md5('endpoint ' || n)::uuid, ${tenant}, md5('server ' || n)::uuid, 0,
        case when n % 1000 = 0 then 'stdio' else 'sse' end,
        case when n % 1000 = 0 then null else 'http://a' end, case when n % 1000 = 0 then 'x' end
      from generate_series(1, 50000) n
    `,
    sql`alter table server_endpoints enable trigger refresh_server_transports_on_insert`,
    sql`
      update endpoint_probes set next_probe_at = now()
    `,
    sql`
      insert into health_checks (endpoint_id, checked_at, tenant_id, status)
      select md5('endpoint ' || n % 1000)::uuid, now() - n * interval '1 second', ${tenant}, 'healthy'
      from generate_series(1, 20000) n
    `,
    sql`
      insert into secrets (id, tenant_id, ciphertext, key_id)
      select gen_random_uuid(), ${tenant}, '\\x00', 'key-1' from generate_series(1, 10000) n
    `,
    sql`
      insert into upstream_grants (tenant_id, principal_id, server_id, issuer, ciphertext, key_id)
      select ${tenant}, 'local', md5('server ' || n)::uuid, 'https://login.example', '\\x00', 'key-1'
      from generate_series(1, 10000) n
    `,
    sql`
      insert into definitions (tenant_id, hash, body)
      select ${tenant}, 'hash ' || n, '\\x00' from generate_series(1, 20000) n
    `,
    sql`
      insert into capabilities (tenant_id, server_id, kind, name, observed_hash, state)
      select ${tenant}, md5('server ' || n)::uuid, 'tool', case when n % 1000 = 0 then 'rare' else 'common' end,
        'hash ' || n, 'accepted'
      from generate_series(1, 20000) n
    `,
    sql`
      insert into exposed_names (tenant_id, kind, exposed, slug, original)
      select ${tenant}, 'tool', 'exposed ' || n, 's-' || n % 100, 'original ' || n from generate_series(1, 10000) n
    `,
    sql`
      insert into toolsets (id, tenant_id, slug)
      select md5('set ' || n)::uuid, ${tenant}, 'set-' || n from generate_series(1, 10000) n
    `,
    sql`
      insert into toolset_items (toolset_id, position, tenant_id, effect)
      select md5('set ' || n)::uuid, 0, ${tenant}, 'include' from generate_series(1, 10000) n
    `,
    sql`
      insert into api_keys (id, tenant_id, lookup_id, hash, name, principal_id, role)
      select md5('key ' || n)::uuid, ${tenant}, 'lookup-' || n, '\\x00', 'key', 'ann', 'user'
      from generate_series(1, 10000) n
    `,
    sql`
      insert into policies (id, tenant_id, name, subject_kind, rules)
      select md5('policy ' || n)::uuid, ${tenant}, 'policy-' || n, 'tenant', '{}' from generate_series(1, 10000) n
    `,
    sql`
      insert into audit_events (id, tenant_id, occurred_at, principal_id, action, object_id, outcome)
      select (lpad(to_hex(n * 1000), 12, '0') || '70008000' || lpad(to_hex(n), 12, '0'))::uuid, ${tenant},
        to_timestamp(n), 'principal-' || n % 500, 'action-' || n % 500, 'object-' || n % 500, 'success'
      from generate_series(1, 20000) n
    `,
    sql`
      insert into idempotency_keys (tenant_id, principal_id, key, fingerprint, created_at)
      select ${tenant}, 'ann', 'key-' || n, 'x', to_timestamp(n) from generate_series(1, 10000) n
    `,
    sql`
      insert into changes (tenant_id, revision, kind, object_id)
      select ${one}, n, 'server_created', 'x' from generate_series(1, 20000) n
    `,
    sql`update tenants set revision = 20000 where id = ${one}`,
    // Some of the index is in a list of what is to be sorted in; nobody should have to read that.
    sql`select gin_clean_pending_list('servers_search_index'), gin_clean_pending_list('servers_tags_index')`,
    sql`analyze`,
  ]
  for (const statement of statements) {
    // oxlint-disable-next-line no-await-in-loop -- one connection runs one statement at a time
    await statement.execute(kysely)
  }
}
