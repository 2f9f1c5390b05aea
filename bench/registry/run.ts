import { cpus } from 'node:os'

import type { DatabasePool } from '@mreg/db-pool'
import { createPostgresPool } from '@mreg/db-pool/pg'
import type { RegistryDatabase } from '@mreg/repositories'
import { OwnPostgres } from '@mreg/testing'
import { type Kysely, sql } from 'kysely'
import pg from 'pg'

import { printTable, times } from '../circuit-breaker/table.ts'
import { fill, TENANT } from './fill.ts'
import { type Query, systemQueries, tenantQueries, tenantWrites } from './queries.ts'

// How the queries of the registry grow from 1,000 to 100,000 servers, P11 of the performance goals. The three databases take
// turns in every round, in one server that has memory for all of them, so that a noisy moment meets all of them. Growth is
// from the first size to the last.

const SIZES = (process.env['BENCH_SERVERS'] ?? '1000,10000,100000').split(',').map(Number)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15)
const CALLS = Number(process.env['BENCH_CALLS'] ?? 10)
const LIMIT = 1.5

interface Registry {
  readonly count: number
  readonly pool: DatabasePool<RegistryDatabase>
}

/** Of what was measured in the rounds, the lower quartile: what is above it is mostly somebody else's work. */
const typical = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 4)] ?? Number.NaN

/** What one call costs. */
interface Cost {
  /** The quickest of some, because others use the machine as well. */
  readonly milliseconds: number
  /** Pages of tables and indexes that the server looked at, on average: the same on any machine. */
  readonly pages: number
}

const pagesSoFar = async (kysely: Kysely<RegistryDatabase>): Promise<number> => {
  const { rows } = await sql<{ pages: number }>`
    select sum(pg_stat_get_xact_blocks_fetched(oid))::int as pages
    from pg_class where relnamespace = current_schema()::regnamespace
  `.execute(kysely)
  return rows[0]?.pages ?? 0
}

const measure = async (
  kysely: Kysely<RegistryDatabase>,
  call: (turn: number) => Promise<unknown>,
  from: number,
): Promise<Cost> => {
  const before = await pagesSoFar(kysely)
  let milliseconds = Infinity
  for (let turn = from; turn < from + CALLS; turn += 1) {
    const started = performance.now()
    await call(turn)
    milliseconds = Math.min(milliseconds, performance.now() - started)
  }
  return { milliseconds, pages: ((await pagesSoFar(kysely)) - before) / CALLS }
}

/** One round of one database; what is asked of it is measured within open sessions, without their begin and commit. */
const round = async ({ count, pool }: Registry, number: number): Promise<ReadonlyMap<string, Cost>> => {
  const found = new Map<string, Cost>()
  const ask = async <Session extends { readonly kysely: Kysely<RegistryDatabase> }>(
    session: Session,
    queries: readonly Query<Session>[],
  ): Promise<void> => {
    for (const query of queries) {
      const cost = await measure(session.kysely, (turn) => query.ask(session, count, turn), number * CALLS)
      found.set(query.name, cost)
    }
  }
  await pool.tenantSession(TENANT, (session) => ask(session, [...tenantQueries, ...tenantWrites]))
  await pool.systemSession('bench', (session) => ask(session, systemQueries))
  return found
}

const open = async (serverUrl: string, count: number): Promise<Registry> => {
  const name = `registry_${count}`
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  await client.query(`create database ${name} template template0 encoding 'UTF8'`)
  await client.end()
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  const pool = createPostgresPool<RegistryDatabase>({
    connectionString: url.href,
    statementTimeoutMs: 1_200_000,
    queryTimeoutMs: 1_210_000,
    idleInTransactionTimeoutMs: 60_000,
  })
  process.stderr.write(`filling ${count} servers\n`)
  await fill(pool, count)
  return { count, pool }
}

console.log(`Node ${process.version} on ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`)
console.log(
  `${ROUNDS} rounds of ${CALLS} calls, one at a time; the quickest of each round, and the lower quartile of those`,
)
await using server = await OwnPostgres.start({ settings: { shared_buffers: '512MB' } })
const registries: Registry[] = []
try {
  for (const count of SIZES) registries.push(await open(server.url, count))
  const rounds: ReadonlyMap<string, Cost>[][] = []
  for (let number = 0; number <= ROUNDS; number += 1) {
    const results: ReadonlyMap<string, Cost>[] = []
    for (const registry of registries) results.push(await round(registry, number))
    // The first one warms up.
    if (number > 0) rounds.push(results)
  }
  const rows = [...tenantQueries, ...systemQueries, ...tenantWrites].map(({ name }) => {
    const of = (size: number, figure: keyof Cost): number[] =>
      rounds.map((results) => results[size]?.get(name)?.[figure] ?? Number.NaN)
    const growth = (figure: keyof Cost): number =>
      typical(of(SIZES.length - 1, figure)) / typical(of(0, figure))
    return [
      name,
      ...SIZES.map((_, size) => typical(of(size, 'milliseconds')).toFixed(2)),
      times(growth('milliseconds')),
      growth('milliseconds') <= LIMIT ? 'met' : 'missed',
      ...SIZES.map((_, size) => typical(of(size, 'pages')).toFixed(0)),
      times(growth('pages')),
    ]
  })
  const sizes = SIZES.map((count) => count.toLocaleString('en').replaceAll(',', ' '))
  printTable(
    'Milliseconds of a call, and pages that the server looked at, by how many servers there are',
    ['', ...sizes, 'growth', '', ...sizes.map((size) => `pages, ${size}`), 'growth'],
    rows,
  )
} finally {
  for (const { pool } of registries) await pool.close()
}
