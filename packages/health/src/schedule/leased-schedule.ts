import type { EndpointProbe } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { type ProbeLease, ProbeLeaseRepository, type RegistryDatabase } from '@mreg/repositories'
import type { EndpointTarget } from '@mreg/upstream'

import type { HealthRecorder } from '../health-recorder.ts'
import type { ProbeSchedule, ProbeTurn, ProbeTurns } from './probe-schedule.ts'

export interface LeasedScheduleOptions {
  readonly database: DatabasePool<RegistryDatabase>
  /** The endpoint of that identifier; undefined: this process does not know it, or not yet. */
  readonly target: (endpointId: string) => EndpointTarget | undefined
  readonly recorder: HealthRecorder
  /** Who this is, for people who look at the table; no other process should have the same. */
  readonly owner: string
  /** How long a lease is, in milliseconds. It is renewed while the probe goes on. */
  readonly leaseMs: number
}

/** When an endpoint is due again that this process has not heard of yet, in milliseconds. */
const UNKNOWN_MS = 1_000

/** So often a lease could be renewed before it ends. */
const RENEWALS_PER_LEASE = 3

/** The endpoints that any process can probe, shared through leases in the database, by whose clock all of it goes. */
export class LeasedSchedule implements ProbeSchedule {
  readonly holdEveryMs: number
  readonly #options: LeasedScheduleOptions

  constructor(options: LeasedScheduleOptions) {
    this.#options = options
    this.holdEveryMs = options.leaseMs / RENEWALS_PER_LEASE
  }

  /** @throws {DatabaseUnavailableError} nothing was taken. */
  take(limit: number): Promise<ProbeTurns> {
    const { database, leaseMs, owner, target } = this.#options
    return database.systemSession('take endpoints that are due', async (session) => {
      const repository = new ProbeLeaseRepository(session)
      const leases = await repository.claim(owner, limit, leaseMs)
      const turns = leases.flatMap(({ endpointId, fencingToken }) => {
        const known = target(endpointId)
        return known === undefined ? [] : [{ target: known, fencingToken }]
      })
      if (turns.length < leases.length) {
        const unknown = leases.filter(({ endpointId }) => target(endpointId) === undefined)
        await repository.release(unknown, UNKNOWN_MS)
      }
      return { turns, nextDueMs: leases.length < limit ? await repository.nextDueMs() : 0 }
    })
  }

  /** @throws {DatabaseUnavailableError} it was not kept; the endpoint is due when its lease ends. */
  keep({ target, fencingToken }: ProbeTurn, probe: EndpointProbe): Promise<void> {
    return this.#options.recorder.record(target, [{ ...probe, fencingToken }])
  }

  /** @throws {DatabaseUnavailableError} they are due when their leases end. */
  async putOff(turns: readonly ProbeTurn[], dueInMs: number): Promise<void> {
    if (turns.length === 0) return
    await this.#options.database.systemSession('give endpoints back', (session) =>
      new ProbeLeaseRepository(session).release(turns.flatMap(toLease), dueInMs),
    )
  }

  /** @throws {DatabaseUnavailableError} nobody knows; what is written under a lease that has ended will be refused. */
  async hold(turns: readonly ProbeTurn[]): Promise<readonly ProbeTurn[]> {
    if (turns.length === 0) return []
    const { database, leaseMs } = this.#options
    const held = await database.systemSession('renew leases of probes', (session) =>
      new ProbeLeaseRepository(session).renew(turns.flatMap(toLease), leaseMs),
    )
    const tokens = new Map(held.map(({ endpointId, fencingToken }) => [endpointId, fencingToken]))
    return turns.filter(({ target, fencingToken }) => tokens.get(target.endpoint.id) !== fencingToken)
  }
}

const toLease = ({ target, fencingToken }: ProbeTurn): readonly ProbeLease[] =>
  fencingToken === undefined ? [] : [{ endpointId: target.endpoint.id, fencingToken }]
