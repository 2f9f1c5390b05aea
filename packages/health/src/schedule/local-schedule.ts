import type { EndpointProbe } from '@mreg/core'
import { PROBE_JITTER } from '@mreg/repositories'
import type { EndpointTarget } from '@mreg/upstream'

import type { ProbedServer } from '../health-recorder.ts'
import type { ProbeSchedule, ProbeTurn, ProbeTurns } from './probe-schedule.ts'

export interface LocalScheduleOptions {
  /** The endpoints to watch, as they are now. */
  readonly targets: () => Iterable<EndpointTarget>
  /** Keeps what was found. */
  readonly record: (server: ProbedServer, probes: readonly EndpointProbe[]) => Promise<void>
  /** Between probes of an endpoint that works, in milliseconds. */
  readonly intervalMs: number
  /** Between probes of one that does not, in milliseconds. */
  readonly unhealthyIntervalMs: number
  /** Milliseconds of a clock that never goes back. Default `performance.now`. */
  readonly now?: (() => number) | undefined
  /** From 0 up to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/**
 * The endpoints that only this process can probe: the processes that it started. Its first round is spread over one interval;
 * whoever registers a server probes it at once.
 */
export class LocalSchedule implements ProbeSchedule {
  readonly holdEveryMs = undefined
  readonly #options: LocalScheduleOptions
  readonly #now: () => number
  readonly #random: () => number
  readonly #due = new Map<string, number>()

  constructor(options: LocalScheduleOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.#random = options.random ?? Math.random
  }

  take(limit: number): Promise<ProbeTurns> {
    const now = this.#now()
    const seen = new Set<string>()
    const turns: ProbeTurn[] = []
    for (const target of this.#options.targets()) {
      const { id } = target.endpoint
      seen.add(id)
      const dueAt = this.#due.get(id)
      if (dueAt === undefined) {
        this.#due.set(id, now + this.#random() * this.#options.intervalMs)
      } else if (dueAt <= now && turns.length < limit) {
        turns.push({ target, fencingToken: undefined })
        this.#due.set(id, Number.POSITIVE_INFINITY)
      }
    }
    for (const id of this.#due.keys()) if (!seen.has(id)) this.#due.delete(id)
    return Promise.resolve({ turns, nextDueMs: undefined })
  }

  async keep(turn: ProbeTurn, probe: EndpointProbe): Promise<void> {
    const { record, intervalMs, unhealthyIntervalMs } = this.#options
    let nextMs = unhealthyIntervalMs
    try {
      await record(turn.target, [probe])
      if (probe.status !== 'unhealthy') nextMs = intervalMs
    } finally {
      const spread = 1 - PROBE_JITTER + 2 * PROBE_JITTER * this.#random()
      this.#due.set(turn.target.endpoint.id, this.#now() + nextMs * spread)
    }
  }

  putOff(turns: readonly ProbeTurn[], dueInMs: number): Promise<void> {
    for (const { target } of turns) this.#due.set(target.endpoint.id, this.#now() + dueInMs)
    return Promise.resolve()
  }

  hold(): Promise<readonly ProbeTurn[]> {
    return Promise.resolve([])
  }

  /** Everything is due again, soon but not all at once: what was known before is not worth much any more. */
  startOver(): void {
    for (const [id, dueAt] of this.#due)
      if (Number.isFinite(dueAt))
        this.#due.set(id, this.#now() + this.#random() * this.#options.unhealthyIntervalMs)
  }
}
