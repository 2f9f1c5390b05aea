import type { ServerStatus } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import {
  EndpointProbeRepository,
  HealthCheckLog,
  type KnownStatuses,
  type ProbeResult,
  type RegistryDatabase,
  ServerRepository,
  type StatusPolicy,
  type StoredProbe,
  type Witnessed,
} from '@mreg/repositories'

import { serverStatus } from './server-status.ts'

/** Whose probes they are. */
export interface ProbedServer {
  readonly tenantId: string
  readonly serverId: string
}

/** A result that is kept now, beside what was known of its endpoint before. */
export interface KeptProbe {
  readonly endpointId: string
  /** What the probe found. */
  readonly found: ServerStatus
  readonly former: ServerStatus
}

/** What waits to be kept, and whom to tell. */
interface Entry {
  readonly server: ProbedServer
  readonly probes: readonly ProbeResult[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Servers that one transaction keeps at most. */
const BATCH = 250

/**
 * Keeps what probes found, with its history, and says how endpoints and servers are doing now. A new status is a change that
 * gateways follow. When something was found is told by the clock of the database.
 *
 * What comes while a transaction is under way is kept by the next one, together: alone, a probe waits for nobody; under
 * load, many share a transaction. Whoever records waits until it is kept, so the number of probes under way bounds what waits.
 */
export class HealthRecorder {
  readonly #database: DatabasePool<RegistryDatabase>
  readonly #policy: StatusPolicy
  readonly #onKept: ((kept: readonly KeptProbe[]) => void) | undefined
  readonly #waiting: Entry[] = []
  /** Servers whose endpoints have news that could not be announced yet. */
  readonly #unannounced = new Set<string>()
  #isRunning = false

  /** @param onKept is told of results when they are committed; it must not throw. undefined: nobody is. */
  constructor(
    database: DatabasePool<RegistryDatabase>,
    policy: StatusPolicy,
    onKept?: (kept: readonly KeptProbe[]) => void,
  ) {
    this.#database = database
    this.#policy = policy
    this.#onKept = onKept
  }

  /**
   * Keeps the probes of a server; fulfils when they and the server's status are committed. Left out is what has been removed
   * meanwhile, and what was found under a lease that is not held any more.
   *
   * @throws {DatabaseUnavailableError} nothing of it was kept, or only the status is not up to date; the next probe mends that.
   */
  record(server: ProbedServer, probes: readonly ProbeResult[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ server, probes, resolve, reject })
      if (!this.#isRunning) void this.#run()
    })
  }

  /**
   * Takes over what was seen of endpoints while clients used them, by server; fulfils when what follows from it is committed.
   *
   * @throws {DatabaseUnavailableError} nothing of it was kept, or it is announced with what is recorded next.
   */
  async witness(seen: ReadonlyMap<string, ProbedServer & Witnessed>): Promise<void> {
    const known = await this.#database.systemSession('keep what was seen in traffic', async (session) => {
      const repository = new EndpointProbeRepository(session)
      const changed = await repository.witness([...seen.values()], this.#policy)
      await new HealthCheckLog(session).append(
        changed.map(({ endpointId, status, probedAt }) => ({
          endpointId,
          status,
          era: undefined,
          latencyMs: undefined,
          message: 'seen while clients used it',
          probedAt,
        })),
      )
      for (const { endpointId } of changed) {
        const serverId = seen.get(endpointId)?.serverId
        if (serverId !== undefined) this.#unannounced.add(serverId)
      }
      return repository.statusesOf([...this.#unannounced])
    })
    await this.#announce(known)
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
    const serverOf = new Map(
      batch.flatMap(({ server, probes }) => probes.map((probe) => [probe.endpointId, server.serverId])),
    )
    const probes = batch.flatMap((entry) => entry.probes.map((probe) => ({ ...probe, probedAt: undefined })))
    const { known, kept } = await this.#database.systemSession('keep what probes found', async (session) => {
      const repository = new EndpointProbeRepository(session)
      const stored = await repository.record(probes, this.#policy)
      await new HealthCheckLog(session).append(withTimes(probes, stored))
      for (const { endpointId, former, status } of stored) {
        const serverId = serverOf.get(endpointId)
        if (former !== status && serverId !== undefined) this.#unannounced.add(serverId)
      }
      return {
        known: await repository.statusesOf([...new Set([...serverOf.values(), ...this.#unannounced])]),
        kept: withFormer(probes, stored),
      }
    })
    this.#onKept?.(kept)
    await this.#announce(known)
  }

  async #announce(known: readonly KnownStatuses[]): Promise<void> {
    const asked = [...this.#unannounced]
    const unsettled = known.filter(
      ({ serverId, status, found, maintenance }) =>
        status !== (maintenance ? 'maintenance' : serverStatus(found)) || this.#unannounced.has(serverId),
    )
    // They need the tenant's lock.
    for (const [tenantId, servers] of Map.groupBy(unsettled, (server) => server.tenantId)) {
      const ids = servers.map(({ serverId }) => serverId)
      await this.#database.tenantSession(tenantId, (session) =>
        new ServerRepository(session).settleStatuses(ids, serverStatus, this.#unannounced),
      )
    }
    // Those that are gone have no news either.
    for (const serverId of asked) this.#unannounced.delete(serverId)
  }
}

/** Those probes that were stored, with the time at which the database did. */
const withTimes = (
  probes: readonly ProbeResult[],
  stored: readonly StoredProbe[],
): readonly ProbeResult[] => {
  const last = new Map(probes.map((probe) => [probe.endpointId, probe]))
  return stored.flatMap(({ endpointId, probedAt }) => {
    const probe = last.get(endpointId)
    return probe === undefined ? [] : [{ ...probe, probedAt }]
  })
}

const withFormer = (probes: readonly ProbeResult[], stored: readonly StoredProbe[]): readonly KeptProbe[] => {
  const formers = new Map(stored.map(({ endpointId, former }) => [endpointId, former]))
  return probes.flatMap(({ endpointId, status: found }) => {
    const former = formers.get(endpointId)
    return former === undefined ? [] : [{ endpointId, found, former }]
  })
}
