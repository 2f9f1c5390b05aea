import type { Migration } from '@mreg/db-pool'

import { runStatements } from './run-statements.ts'

/** What is noticed about what servers offer, and what is withheld of it. */
export const changeControl: Migration = {
  async up(kysely) {
    await runStatements(kysely, [
      // What stands out, for people: a list of objects with a code.
      `alter table capabilities add column flags jsonb not null default '[]'`,
      // The same for names that look alike; unknown until it is seen by a version that knows how to tell.
      'alter table capabilities add column look_alike_key text collate "C"',
      `create index capabilities_look_alike_index on capabilities (tenant_id, kind, look_alike_key)
        where look_alike_key is not null`,
      `create index capabilities_withheld_index on capabilities (server_id)
        where state in ('disabled', 'quarantined')`,
    ])
  },
}
