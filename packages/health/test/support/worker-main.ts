import { createPostgresPool } from '@mreg/db-pool/pg'
import { HealthMonitor, HealthRecorder, LeasedSchedule } from '@mreg/health'
import { HttpPool } from '@mreg/http-pool'
import { type RegistryDatabase, SnapshotRepository } from '@mreg/repositories'
import { noCredentials, probeEndpoint, Upstreams } from '@mreg/upstream'

import type { WorkerOptions } from './worker-process.ts'

// One health worker, for tests that do to it what cannot be done to the process of the test.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by `startWorker`
const { databaseUrl, owner, policy, leaseMs } = JSON.parse(process.argv[2] ?? '') as WorkerOptions

// A jump of the wall clock, a day ahead or back; the monotonic one goes on, as it does when somebody sets the time.
process.on('SIGUSR2', () => {
  const RealDate = Date
  const offsetMs = Number(process.env['CLOCK_OFFSET_MS'] ?? 86_400_000)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is called with `new` only
  globalThis.Date = class extends RealDate {
    constructor(...values: [] | [number]) {
      super(values[0] ?? RealDate.now() + offsetMs)
    }
    static override now(): number {
      return RealDate.now() + offsetMs
    }
  } as DateConstructor
  console.log('jumped')
})

const database = createPostgresPool<RegistryDatabase>({
  connectionString: databaseUrl,
  maxConnections: 3,
  acquireTimeoutMs: 20_000,
})
const servers = await database.systemSession('test', (session) =>
  new SnapshotRepository(session).allServers(),
)
const targets = new Map(
  servers.flatMap(({ tenantId, id: serverId, slug, revision, endpoints }) =>
    endpoints.map((endpoint) => [
      endpoint.id,
      { endpoint, tenantId, serverId, slug, revision, sealedCredentials: undefined },
    ]),
  ),
)
const upstreams = new Upstreams({
  pool: new HttpPool(),
  credentials: noCredentials,
  breaker: { failureThreshold: 5, openMs: 1000, maxOpenMs: 1000 },
  connectTimeoutMs: 5_000,
  maxMessageBytes: 1_048_576,
})
const monitor = new HealthMonitor({
  schedules: [
    new LeasedSchedule({
      database,
      target: (id) => targets.get(id),
      recorder: new HealthRecorder(database, policy),
      owner,
      leaseMs,
    }),
  ],
  probe: async (target, signal) => {
    const clientInfo = { name: owner, version: '1' }
    const found = await probeEndpoint(upstreams.endpoint(target), { timeoutMs: 20_000, clientInfo, signal })
    console.log(`found ${found.status}`)
    return found
  },
  maxConcurrentProbes: 32,
})
monitor.start()
console.log('watching')
// Its timers keep nothing alive.
setInterval(() => {}, 60_000)
