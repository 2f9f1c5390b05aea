import { PGlite } from '@electric-sql/pglite'
import { type DirectDatabasePool, type ParameterPlaceholder, prepareQuery } from '@mreg/db-pool'
import { createPostgresPool } from '@mreg/db-pool/pg'
import { createPglitePool } from '@mreg/db-pool/pglite'
import { Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'

/** The rows that there are to look up. */
export const ROWS = 1_000
export const CONNECTIONS = 10

interface Notes {
  notes: { id: number; tenant: string; body: string }
  written: { id: number; body: string }
}

type NotesKysely = Kysely<Notes>
type NotesPool = DirectDatabasePool<Notes>

const SET_UP = `
  create role bench_tenant nologin;
  create table notes (id integer primary key, tenant text not null, body text not null);
  insert into notes select id, 'ann', 'note number ' || id from generate_series(1, ${ROWS}) id;
  alter table notes enable row level security;
  create policy own on notes to bench_tenant using (tenant = current_setting('bench.tenant', true));
  grant select on notes to bench_tenant;
  create table written (id bigint not null, body text not null);
  analyze notes;
`

export const selectSql = 'select id, tenant, body from notes where id = $1'
export const insertSql = 'insert into written (id, body) values ($1, $2)'

export const selectNote = (kysely: NotesKysely, id: number): Promise<unknown> =>
  kysely.selectFrom('notes').select(['id', 'tenant', 'body']).where('id', '=', id).executeTakeFirst()

export const insertNote = (kysely: NotesKysely, id: number): Promise<unknown> =>
  kysely.insertInto('written').values({ id, body: 'something' }).execute()

export const findNote = prepareQuery((kysely: NotesKysely, parameter: ParameterPlaceholder<{ id: number }>) =>
  kysely.selectFrom('notes').select(['id', 'tenant', 'body']).where('id', '=', parameter('id')),
)

export const addNote = prepareQuery(
  (kysely: NotesKysely, parameter: ParameterPlaceholder<{ id: number; body: string }>) =>
    kysely.insertInto('written').values({ id: parameter('id'), body: parameter('body') }),
)

/** Everything that is compared, over one server and in this process. */
export interface Subjects extends AsyncDisposable {
  readonly bare: Pool
  readonly bareKysely: NotesKysely
  readonly pool: NotesPool
  readonly barePglite: PGlite
  readonly pglite: NotesPool
}

/** Opens them over an empty database. */
export const openSubjects = async (connectionString: string): Promise<Subjects> => {
  const tenants = { tenantRole: 'bench_tenant', tenantSetting: 'bench.tenant' }
  const bare = new Pool({ connectionString, max: CONNECTIONS })
  const pool = createPostgresPool<Notes>({ connectionString, maxConnections: CONNECTIONS, ...tenants })
  const pglite = createPglitePool<Notes>({ acquireTimeoutMs: 10_000, ...tenants })
  const barePglite = await PGlite.create()
  await bare.query(SET_UP)
  await barePglite.exec(SET_UP)
  const connection = await pglite.acquire()
  for (const statement of SET_UP.split(';').filter((text) => text.trim() !== '')) {
    await connection.execute(statement)
  }
  await connection.release()
  return {
    bare,
    bareKysely: new Kysely<Notes>({ dialect: new PostgresDialect({ pool: bare }) }),
    pool,
    barePglite,
    pglite,
    [Symbol.asyncDispose]: async () => {
      await bare.end()
      await pool.close()
      await pglite.close()
      await barePglite.close()
    },
  }
}
