import type { EndpointProbe, EventBus, GatewayEvents } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import {
  EndpointProbeRepository,
  HealthCheckLog,
  type KnownStatuses,
  type RegistryDatabase,
  ServerRepository,
} from '@mreg/repositories'

import { serverStatus } from './server-status.ts'

/** Whose probes they are. */
export interface ProbedServer {
  readonly tenantId: string
  readonly serverId: string
}

/** What waits to be kept, and whom to tell. */
interface Entry {
  readonly server: ProbedServer
  readonly probes: readonly EndpointProbe[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Servers that one transaction keeps at most. */
const BATCH = 250

/**
 * Keeps what probes found, with its history, and says how servers are doing now. A new status is a change that gateways
 * follow.
 *
 * What comes while a transaction is under way is kept by the next one, together: alone, a probe waits for nobody; under
 * load, many share a transaction. Whoever records waits until it is kept, so the number of probes under way bounds what waits.
 */
export class HealthRecorder {
  readonly #database: DatabasePool<RegistryDatabase>
  readonly #events: EventBus<GatewayEvents> | undefined
  readonly #waiting: Entry[] = []
  #isRunning = false

  /** @param events is told of each new status; undefined: nobody is. */
  constructor(database: DatabasePool<RegistryDatabase>, events?: EventBus<GatewayEvents>) {
    this.#database = database
    this.#events = events
  }

  /**
   * Keeps the probes of a server; fulfils when they and the server's status are committed. What has been removed meanwhile is
   * left out.
   *
   * @throws {DatabaseUnavailableError} nothing of it was kept, or only the status is not up to date; the next probe mends that.
   */
  record(server: ProbedServer, probes: readonly EndpointProbe[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ server, probes, resolve, reject })
      if (!this.#isRunning) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    // What is recorded in the same turn goes together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH)
      try {
        await this.#keep(batch)
        for (const { resolve } of batch) resolve()
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#isRunning = false
  }

  async #keep(batch: readonly Entry[]): Promise<void> {
    const probes = batch.flatMap((entry) => entry.probes)
    const serverIds = [...new Set(batch.map(({ server }) => server.serverId))]
    const known = await this.#database.systemSession('keep what probes found', async (session) => {
      const repository = new EndpointProbeRepository(session)
      await repository.record(probes)
      await new HealthCheckLog(session).append(probes)
      return repository.statusesOf(serverIds)
    })
    for (const server of known) if (server.status !== serverStatus(server.found)) await this.#settle(server)
  }

  /** News are rare, and need the tenant's lock: one transaction each. */
  async #settle({ tenantId, serverId }: KnownStatuses): Promise<void> {
    const changed = await this.#database.tenantSession(tenantId, (session) =>
      new ServerRepository(session).settleStatus(serverId, serverStatus),
    )
    if (changed !== undefined) this.#events?.emit('server-status-changed', { tenantId, serverId, ...changed })
  }
}
