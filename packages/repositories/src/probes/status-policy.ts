import { type RawBuilder, sql } from 'kysely'

/** When endpoints are asked again, and how much it takes to change what is known of one. */
export interface StatusPolicy {
  /** Between probes of an endpoint that works, in milliseconds. */
  readonly intervalMs: number
  /** Between probes of one that does not, or not reliably, in milliseconds. */
  readonly unhealthyIntervalMs: number
  /** Failures in a row that make an endpoint `unhealthy`; fewer make it `degraded`. */
  readonly failureThreshold: number
  /** Good probes in a row after which one that was not well is `healthy` again. */
  readonly successThreshold: number
}

/** Probes come as much earlier or later, as a part of their interval, so that they do not come in waves. */
export const PROBE_JITTER = 0.2

/**
 * The status that follows from one more observation: `p` is the endpoint's row, `given.status` what was found.
 *
 * A failure makes a good endpoint `degraded`, `failureThreshold` of them `unhealthy`; the way back is as long. It gets better
 * at most once in an (unhealthy) interval, so that one that flaps is not announced with each turn.
 */
export const nextStatus = (policy: StatusPolicy): RawBuilder<string> => sql<string>`
  case
    when given.status = 'unhealthy' then case
      when p.status = 'unknown' or p.failures_in_row + 1 >= ${policy.failureThreshold} then 'unhealthy'
      when p.status = 'healthy' then 'degraded'
      else p.status
    end
    when p.status not in ('degraded', 'unhealthy') or given.status <> 'healthy' then given.status
    when p.status_since > clock_timestamp() - ${holdMs(policy)}::float8 * interval '1 millisecond' then p.status
    when p.successes_in_row + 1 >= ${policy.successThreshold} then 'healthy'
    else 'degraded'
  end`

const holdMs = ({ unhealthyIntervalMs }: StatusPolicy): number => unhealthyIntervalMs * (1 - PROBE_JITTER)

/**
 * The status that follows from what was seen in traffic: `p` is the endpoint's row, `given.works` what was seen. Failures count as
 * those of probes do; a success makes an `unhealthy` endpoint `degraded`, and probes say whether it is more.
 */
export const witnessedStatus = (policy: StatusPolicy): RawBuilder<string> => sql<string>`
  case
    when not given.works then case
      when p.failures_in_row + 1 >= ${policy.failureThreshold} then 'unhealthy'
      when p.status = 'healthy' then 'degraded'
      else p.status
    end
    when p.status = 'unhealthy'
      and p.status_since <= clock_timestamp() - ${holdMs(policy)}::float8 * interval '1 millisecond' then 'degraded'
    else p.status
  end`

/** How long until the next probe of an endpoint that came to the status `next.settled`. */
export const untilNextProbe = (policy: StatusPolicy): RawBuilder<unknown> => sql`
  case when next.settled in ('unhealthy', 'degraded')
    then ${policy.unhealthyIntervalMs}::float8 else ${policy.intervalMs}::float8 end
  * next.spread * interval '1 millisecond'`
