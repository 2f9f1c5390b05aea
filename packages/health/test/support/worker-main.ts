import { createPostgresPool } from '@mreg/db-pool/pg'
import { HealthMonitor, HealthRecorder, LeasedSchedule } from '@mreg/health'
import { HttpPool } from '@mreg/http-pool'
import { type RegistryDatabase, SnapshotRepository } from '@mreg/repositories'
import { noCredentials, probeEndpoint, Upstreams } from '@mreg/upstream'

import type { WorkerOptions } from './worker-process.ts'

// One health worker, for tests that do to it what cannot be done to the process of the test.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by `startWorker`
const { databaseUrl, owner, policy, leaseMs } = JSON.parse(process.argv[2] ?? '') as WorkerOptions

// The clock of the wall is set, each time by another of these; the one that never goes back goes on.
const HOUR_MS = 3_600_000
const JUMPS_MS = [HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS]
const RealDate = Date
let jumps = 0
let offsetMs = 0
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it is called with `new` only
globalThis.Date = class extends RealDate {
  constructor(...values: [] | [number]) {
    super(values[0] ?? RealDate.now() + offsetMs)
  }
  static override now(): number {
    return RealDate.now() + offsetMs
  }
} as DateConstructor
process.on('SIGUSR2', () => {
  offsetMs = JUMPS_MS[jumps % JUMPS_MS.length] ?? 0
  jumps += 1
  console.log(`jumped ${jumps}`)
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
