import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { createPostgresPool } from '@mreg/db-pool/pg'
import { migrations, type RegistryDatabase, TenantRepository } from '@mreg/repositories'
import { OwnPostgres } from '@mreg/testing'
import { sql } from 'kysely'

import { printTable } from '../circuit-breaker/table.ts'

// How much of a core the health worker takes for 10,000 endpoints every 30 s, and how two of them share the work: P12 of
// the performance goals. The servers that are probed are one cheap process on loopback.

const ENDPOINTS = Number(process.env['BENCH_ENDPOINTS'] ?? 10_000)
const INTERVAL_MS = Number(process.env['BENCH_INTERVAL_MS'] ?? 30_000)
/** Measured after a first round in which everything is due at once. */
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 2)
const ORIGINS = 50
/** For each worker: the latency of the database times the probes per second, and some more. */
const CONCURRENT = Number(process.env['BENCH_CONCURRENT'] ?? 256)
const CLOCK_TICKS_PER_SECOND = 100

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** User and system time of a process so far, in seconds. */
const cpuSeconds = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
}

const upstream = fork(here('upstream.ts'), [String(ORIGINS)])
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- sent by it
const [ports] = (await once(upstream, 'message')) as [number[]]
await using postgres = await OwnPostgres.start({ settings: { shared_buffers: '512MB' } })
const pool = createPostgresPool<RegistryDatabase>({
  connectionString: postgres.url,
  statementTimeoutMs: 120_000,
  queryTimeoutMs: 130_000,
})
await pool.migrate(migrations)
await pool.systemSession('bench', async (session) => {
  await new TenantRepository(session).ensure('default')
  await sql`
    insert into servers (id, tenant_id, slug)
    select md5('server ' || n)::uuid, 'default', 's-' || n from generate_series(1, ${ENDPOINTS}::int) n
  `.execute(session.kysely)
  // As they were found long ago: news cost more, and are rare.
  await sql`update servers set status = 'healthy'`.execute(session.kysely)
  await sql`
    insert into server_endpoints (id, tenant_id, server_id, position, transport, url)
    select md5('endpoint ' || n)::uuid, 'default', md5('server ' || n)::uuid, 0, 'streamable-http',
      'http://127.0.0.1:' || (${ports}::int[])[1 + n % ${ORIGINS}::int] || '/' || n
    from generate_series(1, ${ENDPOINTS}::int) n
  `.execute(session.kysely)
  await sql`update endpoint_probes set status = 'healthy'`.execute(session.kysely)
})

const directory = await mkdtemp(join(tmpdir(), 'mreg-bench-'))
const settings = join(directory, 'settings.json')
await writeFile(
  settings,
  JSON.stringify({
    health: { intervalMs: INTERVAL_MS, maxConcurrentProbes: CONCURRENT },
    database: { acquireMs: 10_000, statementMs: 30_000 },
  }),
)

const startWorker = (): ReturnType<typeof spawn> =>
  spawn(process.execPath, ['--conditions=@mreg/source', here('../../apps/health-worker/src/main.ts')], {
    env: {
      PATH: process.env['PATH'],
      MREG_DATABASE_URL: postgres.url,
      MREG_DATA_DIR: directory,
      MREG_CONFIG: settings,
      MREG_LOG_LEVEL: 'warn',
      NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'],
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })

interface Counted {
  readonly owners: ReadonlyMap<string, number>
  readonly probes: number
  readonly fewest: number
  readonly most: number
  readonly late: number
}

/** What was probed since `since`, by whom, and how often each endpoint. */
const counted = (since: Date): Promise<Counted> =>
  pool.systemSession('bench', async ({ kysely }) => {
    const { rows: each } = await sql<{ count: number }>`
      select count(h.endpoint_id)::int as count from server_endpoints e
      left join health_checks h on h.endpoint_id = e.id and h.checked_at > ${since} group by e.id
    `.execute(kysely)
    const { rows: owners } = await sql<{ owner: string; count: number }>`
      select owner, count(*)::int as count from bench_terms where began_at > ${since} group by owner order by owner
    `.execute(kysely)
    const { rows: late } = await sql<{ s: number }>`
      select coalesce(max(extract(epoch from now() - next_probe_at)), 0)::float8 as s
      from endpoint_probes where lease_owner is null
    `.execute(kysely)
    const counts = each.map(({ count }) => count)
    return {
      owners: new Map(owners.map(({ owner, count }) => [owner, count])),
      probes: counts.reduce((sum, count) => sum + count, 0),
      fewest: Math.min(...counts),
      most: Math.max(...counts),
      late: late[0]?.s ?? 0,
    }
  })

/** Who took what; only for the figure of the share. */
await pool.systemSession('bench', async ({ kysely }) => {
  for (const statement of [
    'create unlogged table bench_terms (owner text, began_at timestamptz)',
    `create function note_term() returns trigger language plpgsql as $$ begin
      insert into bench_terms values (new.lease_owner, clock_timestamp()); return null;
    end $$`,
    `create trigger note_term after update on endpoint_probes for each row
      when (new.fencing_token <> old.fencing_token) execute function note_term()`,
  ])
    await sql.raw(statement).execute(kysely)
})

console.log(`Node ${process.version} on ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`)
console.log(
  `${ENDPOINTS} endpoints every ${INTERVAL_MS / 1000} s; ${ROUNDS} intervals, after one in which all were due at once`,
)
const rows: string[][] = []
try {
  for (const count of [1, 2]) {
    await pool.systemSession('bench', ({ kysely }) =>
      sql`update endpoint_probes set next_probe_at = now() + random() * ${INTERVAL_MS}::float8 * interval '1 millisecond'`.execute(
        kysely,
      ),
    )
    const workers = Array.from({ length: count }, startWorker)
    await delay(INTERVAL_MS + 10_000)
    const since = new Date()
    const before = await Promise.all(workers.map(({ pid = 0 }) => cpuSeconds(pid)))
    await delay(INTERVAL_MS * ROUNDS)
    const after = await Promise.all(workers.map(({ pid = 0 }) => cpuSeconds(pid)))
    const seconds = (Date.now() - since.getTime()) / 1000
    const found = await counted(since)
    for (const worker of workers) worker.kill('SIGTERM')
    await Promise.all(workers.map((worker) => once(worker, 'exit')))
    const cpu = after.map((value, index) => value - (before[index] ?? 0))
    const total = cpu.reduce((sum, value) => sum + value, 0)
    const shares = [...found.owners.values()].map((probes) => probes / found.probes)
    rows.push([
      String(count),
      (found.probes / seconds).toFixed(0),
      cpu.map((value) => (value / seconds).toFixed(2)).join(' + '),
      (found.probes / total).toFixed(0),
      shares.map((share) => `${(share * 100).toFixed(1)} %`).join(' : '),
      `${found.fewest} to ${found.most}`,
      found.late.toFixed(1),
    ])
  }
} finally {
  upstream.kill()
  await pool.close()
  await rm(directory, { recursive: true, force: true })
}
printTable(
  'Health workers',
  ['workers', 'probes / s', 'cores', 'probes / CPU s', 'shares', 'probes per endpoint', 'latest, s'],
  rows,
)
