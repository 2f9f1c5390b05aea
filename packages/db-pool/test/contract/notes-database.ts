import { sql } from 'kysely'

import type { DirectDatabasePool, Migration } from '../../src/index.ts'

/** A role of these tests; the tests of other packages have their own in the same cluster. */
export const TENANT_ROLE = 'db_pool_test_tenant'
export const TENANT_SETTING = 'db_pool_test.tenant'

/** One tenant-owned table, enough to see what sessions do. */
export interface NotesDatabase {
  notes: { id: string; tenant: string; body: string | null; count: number }
}

export type NotesPool = DirectDatabasePool<NotesDatabase>

const createNotes: Migration = {
  async up(kysely) {
    await sql`
      do $$ begin
        create role ${sql.id(TENANT_ROLE)} nologin;
      exception when duplicate_object or unique_violation then null;
      end $$
    `.execute(kysely)
    await sql`
      create table notes (
        id text primary key, tenant text not null, body text, count integer not null default 0,
        constraint notes_body_key unique (tenant, body)
      )
    `.execute(kysely)
    await sql`alter table notes enable row level security`.execute(kysely)
    const own = sql`tenant = current_setting(${sql.lit(TENANT_SETTING)}, true)`
    await sql`create policy own on notes to ${sql.id(TENANT_ROLE)} using (${own}) with check (${own})`.execute(
      kysely,
    )
    await sql`grant select, insert, update, delete on notes to ${sql.id(TENANT_ROLE)}`.execute(kysely)
  },
}

export const notesMigrations: Readonly<Record<string, Migration>> = { '0001-notes': createNotes }

/** Puts one note into the database. */
export const putNote = (pool: NotesPool, id: string, tenant: string, body?: string): Promise<void> =>
  pool.systemSession('set up a test', async ({ kysely }) => {
    await kysely
      .insertInto('notes')
      .values({ id, tenant, body: body ?? null, count: 0 })
      .execute()
  })

/** The ids of all notes, as the owner sees them. */
export const noteIds = (pool: NotesPool): Promise<readonly string[]> =>
  pool.systemSession('look at the outcome of a test', async ({ kysely }) => {
    const rows = await kysely.selectFrom('notes').select('id').orderBy('id').execute()
    return rows.map(({ id }) => id)
  })

/** What `promise` was rejected with. */
export const rejection = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it was fulfilled')
}
