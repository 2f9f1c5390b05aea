import type { EndpointProbe } from '@mreg/core'
import type { EndpointTarget } from '@mreg/upstream'

/** An endpoint that is to be probed now, by whoever holds this. */
export interface ProbeTurn {
  readonly target: EndpointTarget
  /** Of the lease that it stands on; undefined: nobody else can have it. */
  readonly fencingToken: number | undefined
}

/** What there is to do. */
export interface ProbeTurns {
  readonly turns: readonly ProbeTurn[]
  /** In how many milliseconds the next endpoint is due that was not given now; undefined: nobody knows of one. */
  readonly nextDueMs: number | undefined
}

/** Says which endpoints are due, and keeps what was found at them. */
export interface ProbeSchedule {
  /** Gives up to `limit` endpoints that are due, each until its turn is kept, put off or lost. */
  take(limit: number): Promise<ProbeTurns>
  /** Keeps the result of a turn, unless the turn was lost meanwhile, and says when the next one is. */
  keep(turn: ProbeTurn, probe: EndpointProbe): Promise<void>
  /** Gives turns back without a result; the endpoints are due after `dueInMs`. */
  putOff(turns: readonly ProbeTurn[], dueInMs: number): Promise<void>
  /** Says that turns are still under way. Gives those that were lost to somebody else. */
  hold(turns: readonly ProbeTurn[]): Promise<readonly ProbeTurn[]>
  /** How often {@link ProbeSchedule.hold} is to be called, in milliseconds; undefined: never. */
  readonly holdEveryMs: number | undefined
}
