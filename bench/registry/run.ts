import { cpus } from 'node:os'

import type { DatabasePool, SystemSession, TenantSession } from '@mreg/db-pool'
import { createPostgresPool } from '@mreg/db-pool/pg'
import type { RegistryDatabase } from '@mreg/repositories'
import { OwnPostgres } from '@mreg/testing'
import pg from 'pg'

import { printTable, times } from '../circuit-breaker/table.ts'
import { fill, TENANT } from './fill.ts'
import { type Query, systemQueries, tenantQueries, tenantWrites } from './queries.ts'

// How the queries of the registry grow from 1,000 to 100,000 servers, P11 of the performance goals. The three databases take
// turns in every round, in one server, so that a noisy moment meets all of them; growth is a ratio within a round.

const SIZES = (process.env['BENCH_SERVERS'] ?? '1000,10000,100000').split(',').map(Number)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15)
const CALLS = Number(process.env['BENCH_CALLS'] ?? 10)
const LIMIT = 1.5

interface Registry {
  readonly count: number
  readonly pool: DatabasePool<RegistryDatabase>
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN

/** Milliseconds of a call, the median of some. */
const time = async (call: (turn: number) => Promise<unknown>, from: number): Promise<number> => {
  const taken: number[] = []
  for (let turn = from; turn < from + CALLS; turn += 1) {
    const started = performance.now()
    await call(turn)
    taken.push(performance.now() - started)
  }
  return median(taken)
}

/** One round of one database; what is asked of it is timed within open sessions, without their begin and commit. */
const round = async ({ count, pool }: Registry, number: number): Promise<ReadonlyMap<string, number>> => {
  const found = new Map<string, number>()
  const measure = async <Session>(session: Session, queries: readonly Query<Session>[]): Promise<void> => {
    for (const { name, ask } of queries) {
      found.set(name, await time((turn) => ask(session, count, turn), number * CALLS))
    }
  }
  await pool.tenantSession(TENANT, (session: TenantSession<RegistryDatabase>) =>
    measure(session, [...tenantQueries, ...tenantWrites]),
  )
  await pool.systemSession('bench', (session: SystemSession<RegistryDatabase>) =>
    measure(session, systemQueries),
  )
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
console.log(`${ROUNDS} rounds of ${CALLS} calls, one at a time; medians`)
await using server = await OwnPostgres.start()
const registries: Registry[] = []
try {
  for (const count of SIZES) registries.push(await open(server.url, count))
  const rounds: ReadonlyMap<string, number>[][] = []
  for (let number = 0; number <= ROUNDS; number += 1) {
    const results: ReadonlyMap<string, number>[] = []
    for (const registry of registries) results.push(await round(registry, number))
    // The first one warms up.
    if (number > 0) rounds.push(results)
  }
  const rows = [...tenantQueries, ...systemQueries, ...tenantWrites].map(({ name }) => {
    const of = (size: number): number[] => rounds.map((results) => results[size]?.get(name) ?? Number.NaN)
    const [first, last] = [of(0), of(SIZES.length - 1)]
    const growth = median(last.map((value, index) => value / (first[index] ?? Number.NaN)))
    return { name, medians: SIZES.map((_, size) => median(of(size))), growth }
  })
  printTable(
    'Milliseconds of a call, by how many servers there are',
    ['', ...SIZES.map((count) => count.toLocaleString('en').replaceAll(',', ' ')), 'growth', ''],
    rows.map(({ name, medians, growth }) => [
      name,
      ...medians.map((value) => value.toFixed(2)),
      times(growth),
      growth <= LIMIT ? 'met' : 'missed',
    ]),
  )
} finally {
  for (const { pool } of registries) await pool.close()
}
