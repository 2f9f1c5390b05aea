import { setTimeout as delay } from 'node:timers/promises'

import { createPostgresPool } from '@mreg/db-pool/pg'
import { HealthMonitor, HealthRecorder, LeasedSchedule } from '@mreg/health'
import {
  migrations,
  ProbeLeaseRepository,
  type RegistryDatabase,
  ServerRepository,
  type StatusPolicy,
  TenantRepository,
} from '@mreg/repositories'
import {
  answerJson,
  createTestDatabase,
  type HttpUpstream,
  type HttpUpstreamHandler,
  type ManagedProcess,
  startHttpUpstream,
  type TestDatabase,
  waitUntil,
} from '@mreg/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { endpointTarget } from './support/endpoint-target.ts'
import { startWorker } from './support/worker-process.ts'

type Pool = ReturnType<typeof createPostgresPool<RegistryDatabase>>

/** How many terms the races are to have; 1,000 and more in a run that is asked for. */
const RACES = Number(process.env['MREG_TEST_LEASE_RACES'] ?? 200)
/** How often a worker is paused, and the clock of another one set: by an hour and a day, ahead and back. */
const ROUNDS = 4
const TENANT = 'default'
const LEASE_MS = 2_000
const POLICY: StatusPolicy = {
  intervalMs: 400,
  unhealthyIntervalMs: 400,
  failureThreshold: 3,
  successThreshold: 2,
}

let database: TestDatabase
let pool: Pool
let upstream: HttpUpstream
let workers: ManagedProcess[]

const answer: HttpUpstreamHandler = ({ rpcId }, response) =>
  answerJson(response, {
    jsonrpc: '2.0',
    id: rpcId,
    result: { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {} },
  })

const open = (maxConnections = 4): Pool =>
  createPostgresPool<RegistryDatabase>({
    connectionString: database.url,
    maxConnections,
    acquireTimeoutMs: 20_000,
  })

beforeEach(async () => {
  database = await createTestDatabase()
  pool = open()
  await pool.migrate(migrations)
  await pool.systemSession('test', (session) => new TenantRepository(session).ensure(TENANT))
  upstream = await startHttpUpstream(answer)
  workers = []
  // The book of all terms, kept by the database itself.
  await pool.systemSession('test', async ({ kysely }) => {
    for (const statement of TERMS) await sql.raw(statement).execute(kysely)
  })
}, 60_000)

afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.kill()))
  await upstream.stop()
  await pool.close()
  await database.drop()
}, 60_000)

/** A row for each term, with its end: when it was given up, else when it ran out. */
const TERMS = [
  `create table terms (
    endpoint_id uuid, token bigint, owner text, began_at timestamptz, ends_at timestamptz, primary key (endpoint_id, token)
  )`,
  `create function note_term() returns trigger language plpgsql as $$ begin
    if new.lease_owner is not null then
      insert into terms values (new.endpoint_id, new.fencing_token, new.lease_owner, clock_timestamp(), new.lease_expires_at)
      on conflict (endpoint_id, token) do update set ends_at = excluded.ends_at;
    elsif old.lease_owner is not null then
      update terms set ends_at = clock_timestamp() where endpoint_id = old.endpoint_id and token = old.fencing_token;
    end if;
    return null;
  end $$`,
  'create trigger note_term after update on endpoint_probes for each row execute function note_term()',
]

const query = <Row>(text: string): Promise<readonly Row[]> =>
  pool.systemSession('test', async ({ kysely }) => (await sql.raw<Row>(text).execute(kysely)).rows)

const one = async (text: string): Promise<number> =>
  Number((await query<{ value: number | string }>(text))[0]?.value)

const termCount = (): Promise<number> => one('select count(*) as value from terms')

/** Terms that began before another one of the same endpoint had ended. */
const overlaps = (): Promise<number> =>
  one(`select count(*) as value from (
    select began_at, lag(ends_at) over (partition by endpoint_id order by token) as former from terms
  ) t where began_at < former`)

const untilTerms = (count: number): Promise<boolean> =>
  waitUntil('as many terms as are asked for', async () => (await termCount()) >= count, {
    timeoutMs: 60_000 + RACES * 25,
  })

const register = (count: number): Promise<string> =>
  pool.tenantSession(TENANT, async (session) => {
    const { id } = await new ServerRepository(session).create({
      slug: 'watched',
      endpoints: [
        ...Array.from({ length: count }, () => ({
          transport: 'streamable-http' as const,
          url: upstream.url,
        })),
        { transport: 'stdio', command: 'this-must-never-be-started' },
      ],
    })
    await sql`update endpoint_probes set next_probe_at = now() where next_probe_at < 'infinity'`.execute(
      session.kysely,
    )
    return id
  })

const begin = async (owner: string, policy = POLICY): Promise<ManagedProcess> => {
  const worker = await startWorker({ databaseUrl: database.url, owner, policy, leaseMs: LEASE_MS })
  workers.push(worker)
  return worker
}

test(
  'F46, F48, F49: three workers share the endpoints while one is killed, one is paused and one has its clock set: no two terms overlap',
  { timeout: 120_000 + RACES * 50 },
  async () => {
    await register(60)
    const [killed, paused, jumping] = await Promise.all(
      ['killed', 'paused', 'jumping'].map((owner) => begin(owner)),
    )
    await waitUntil(
      'all of them to have had terms',
      async () => (await one('select count(distinct owner) as value from terms')) === 3,
      { timeoutMs: 30_000 },
    )
    await killed?.kill()
    // In each round one is paused for some terms, past its leases where there are many, and goes on; and the clock is set anew.
    const begun = await termCount()
    for (let round = 1; round <= ROUNDS; round += 1) {
      paused?.signal('SIGSTOP')
      jumping?.signal('SIGUSR2')
      await waitUntil('the clock to jump', () => jumping?.stdout.includes(`jumped ${round}`))
      await untilTerms(begun + ((2 * round - 1) * RACES) / (2 * ROUNDS))
      // Longer than a lease: what it holds is taken over, and what it has found meanwhile comes too late.
      await delay(round === 1 || RACES >= 1000 ? LEASE_MS * 1.2 : 0)
      paused?.signal('SIGCONT')
      await untilTerms(begun + (2 * round * RACES) / (2 * ROUNDS))
    }

    expect(await overlaps()).toBe(0)
    expect(await one('select count(distinct endpoint_id) as value from terms')).toBe(60)
    // The clock of the worker is nowhere: what it found is of the time of the database.
    expect(
      await one(
        `select count(*) as value from health_checks where abs(extract(epoch from checked_at - now())) > 3600`,
      ),
    ).toBe(0)
    // Nor has a process been looked at.
    expect(
      await one(
        `select count(*) as value from terms join server_endpoints e on e.id = endpoint_id where transport = 'stdio'`,
      ),
    ).toBe(0)
  },
)

test(
  'F46: what a killed worker had taken is taken over when its lease ends',
  { timeout: 90_000 },
  async () => {
    await register(3)
    upstream.answer(() => {})
    const killed = await begin('killed')
    await waitUntil('the probes to be under way', () => upstream.requests.length === 3, { timeoutMs: 30_000 })
    const successor = await begin('successor')
    await killed.kill()
    upstream.answer(answer)
    await waitUntil('everything to be found', () => successor.stdout.includes('found healthy'), {
      timeoutMs: 30_000,
    })
    await waitUntil(
      'all terms of the successor',
      async () =>
        (await one(`select count(distinct endpoint_id) as value from terms where owner = 'successor'`)) === 3,
      { timeoutMs: 30_000 },
    )

    // By the clock of the database: not before the end of the lease, and at the next look after it.
    const [wait] = await query<{ least: number; most: number }>(`
    select min(extract(epoch from s.began_at - k.ends_at))::float8 as least,
      max(extract(epoch from s.began_at - k.ends_at))::float8 as most
    from terms k join terms s on s.endpoint_id = k.endpoint_id and s.token = k.token + 1 where k.owner = 'killed'`)
    expect(wait?.least).toBeGreaterThanOrEqual(0)
    expect(await overlaps()).toBe(0)
    // How late it was is told, not judged, on a machine that may be busy.
    console.log(`taken over ${wait?.most.toFixed(2)} s after the lease had ended`)
  },
)

test('F48: what a worker found that was paused past its lease is refused', { timeout: 90_000 }, async () => {
  await register(1)
  const held: Parameters<HttpUpstreamHandler>[] = []
  upstream.answer((...exchange) => void held.push(exchange))
  const paused = await begin('paused')
  await waitUntil('the probe to be under way', () => held.length === 1, { timeoutMs: 30_000 })
  paused.signal('SIGSTOP')
  upstream.answer(answer)
  await begin('successor', { ...POLICY, intervalMs: 600_000 })
  await waitUntil(
    'the successor to have found it healthy',
    async () => (await one(`select count(*) as value from health_checks where status = 'healthy'`)) === 1,
    { timeoutMs: 30_000 },
  )
  const [, response] = held[0] ?? []
  response?.writeHead(401).end()
  paused.signal('SIGCONT')
  await waitUntil('the paused one to have its result', () => paused.stdout.includes('found needs_login'), {
    timeoutMs: 30_000,
  })
  // Whatever it does next comes after its write.
  const [server] = await query<{ id: string }>(`select id from server_endpoints where transport <> 'stdio'`)
  await pool.systemSession('test', ({ kysely }) =>
    sql`update endpoint_probes set next_probe_at = now() where endpoint_id = ${server?.id}`.execute(kysely),
  )
  await waitUntil('another term', async () => (await termCount()) >= 3, { timeoutMs: 30_000 })

  expect(await one(`select count(*) as value from health_checks where status <> 'healthy'`)).toBe(0)
  expect(await query(`select status from endpoint_probes where next_probe_at < 'infinity'`)).toEqual([
    { status: 'healthy' },
  ])
})

test('ten workers that start at once probe nothing twice in a period', { timeout: 90_000 }, async () => {
  const serverId = await register(40)
  const policy = { ...POLICY, intervalMs: 1_500 }
  const pools = Array.from({ length: 10 }, () => open(2))
  const ids = await query<{ id: string }>(`select id from server_endpoints where transport <> 'stdio'`)
  const asked = new Map<string, number>()
  const monitors = pools.map(
    (own, index) =>
      new HealthMonitor({
        schedules: [
          new LeasedSchedule({
            database: own,
            target: (id) => ({ ...endpointTarget(id), serverId }),
            recorder: new HealthRecorder(own, policy),
            owner: `worker ${index}`,
            leaseMs: LEASE_MS,
          }),
        ],
        probe: async ({ endpoint: { id: endpointId } }) => {
          asked.set(endpointId, (asked.get(endpointId) ?? 0) + 1)
          return {
            endpointId,
            status: 'healthy',
            era: 'modern',
            latencyMs: 1,
            message: undefined,
            probedAt: undefined,
          }
        },
        maxConcurrentProbes: 8,
      }),
  )
  try {
    for (const monitor of monitors) monitor.start()
    await waitUntil(
      'four rounds',
      () => [...asked.values()].filter((count) => count >= 4).length === ids.length,
      {
        timeoutMs: 60_000,
      },
    )
  } finally {
    await Promise.all(monitors.map((monitor) => monitor[Symbol.asyncDispose]()))
    await Promise.all(pools.map((own) => own.close()))
  }

  expect(await overlaps()).toBe(0)
  const shortest = await one(`select min(gap) as value from (
    select extract(epoch from checked_at - lag(checked_at) over (partition by endpoint_id order by checked_at)) * 1000 as gap
    from health_checks) gaps`)
  // An interval less its jitter; the row that says so is written a moment later than it was measured.
  expect(shortest).toBeGreaterThanOrEqual(policy.intervalMs * 0.8 - 1)
})

test(
  'F47: eight who race for the same endpoints get each of them once',
  { timeout: 60_000 + RACES * 100 },
  async () => {
    await register(8)
    const pools = Array.from({ length: 8 }, () => open(1))
    try {
      for (let race = 0; race < RACES / 8; race += 1) {
        await query(
          `update endpoint_probes set lease_expires_at = null, lease_owner = null, next_probe_at = now() where next_probe_at < 'infinity'`,
        )
        const taken = await Promise.all(
          pools.map((own, index) =>
            own.systemSession('test', (session) =>
              new ProbeLeaseRepository(session).claim(`racer ${index}`, 3, 600_000),
            ),
          ),
        )
        const ids = taken.flat().map(({ endpointId }) => endpointId)
        expect(new Set(ids).size).toBe(ids.length)
        expect(ids.length).toBe(8)
      }
    } finally {
      await Promise.all(pools.map((own) => own.close()))
    }
    expect(await overlaps()).toBe(0)
  },
)
