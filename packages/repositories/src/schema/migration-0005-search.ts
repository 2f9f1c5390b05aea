import type { Migration } from '@mreg/db-pool'

import { runStatements } from './run-statements.ts'
import { TENANT_ROLE, TENANT_SETTING } from './tenant-door.ts'

/**
 * Indexes for what servers are searched by, and a view through which tenants may use them.
 *
 * Under row-level security PostgreSQL looks up only conditions whose operators are marked leakproof, and neither those of
 * patterns nor those of arrays are. A view runs with the rights of its owner, to whom the policies do not apply; it names the
 * tenant itself, so what it shows is the same.
 */
export const search: Migration = {
  up: (kysely) => runStatements(kysely, STATEMENTS),
}

const TEXT = `slug || E'\\n' || coalesce(title, '') || E'\\n' || coalesce(description, '')`

const STATEMENTS = [
  // Every run of three characters: what a text contains, its runs of three contain too. Of no extension, so that it is there on every database.
  `create function search_grams(text) returns text[] language plpgsql immutable parallel safe cost 1000 as $$
  declare
    grams text[] := '{}';
    before_last text;
    last text;
    this text;
  begin
    foreach this in array string_to_array(lower($1 collate "default"), null) loop
      if before_last is not null then
        grams := grams || (before_last || last || this);
      end if;
      before_last := last;
      last := this;
    end loop;
    return grams;
  end
  $$`,
  `create index servers_search_index on servers using gin (search_grams(${TEXT}))`,
  'create index servers_tags_index on servers using gin (tags)',
  `create view server_search as
    select id, tenant_id, slug, title, description, tags, status, search_grams(${TEXT}) as grams
    from servers where tenant_id = (select current_setting('${TENANT_SETTING}', true))`,
  `grant select on server_search to ${TENANT_ROLE}`,
]
