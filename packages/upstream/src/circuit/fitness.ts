import type { ServerStatus } from '@mreg/core'

import type { EndpointCircuit } from './circuits.ts'

/** Whether an endpoint is a good choice for a request, and why not. */
export type Fitness =
  | 'good'
  /** Its circuit is half open, and lets only few calls try. */
  | 'recovering'
  /** It has asked to be called less often. */
  | 'paced'
  /** A probe found that it does not work. */
  | 'unfit'
  /** Its circuit is open. */
  | 'closed-off'

/** How it stands with an endpoint. */
export const fitness = ({ breaker, pace }: EndpointCircuit, health: HealthVerdict): Fitness => {
  const { state } = breaker
  if (state === 'open' || state === 'isolated') return 'closed-off'
  if (health.isUnfit) return 'unfit'
  if (pace.waitMs > 0) return 'paced'
  return state === 'half-open' ? 'recovering' : 'good'
}

/** States in which an endpoint gets calls only where no other can take them. */
const UNFIT: ReadonlySet<ServerStatus> = new Set(['unhealthy', 'maintenance', 'needs_login'])

/** Whether an endpoint with that status gets calls only where no other can take them. */
export const isUnfit = (status: ServerStatus): boolean => UNFIT.has(status)

/** How long what a probe found is worth anything, in milliseconds: whoever probes may have gone. */
export const VERDICT_MS = 120_000

/** What probes said last of one endpoint. */
export class HealthVerdict {
  readonly #now: () => number
  #status: ServerStatus | undefined
  #goodUntilMs = Number.NEGATIVE_INFINITY

  /** @param now milliseconds of a clock that never goes back. Default `performance.now`. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  get isUnfit(): boolean {
    // The clock is read only for those that were not well.
    return this.#status !== undefined && isUnfit(this.#status) && this.#now() < this.#goodUntilMs
  }

  /** What was found last; undefined: nothing, or so long ago that it says nothing of now. */
  get status(): ServerStatus | undefined {
    return this.#now() < this.#goodUntilMs ? this.#status : undefined
  }

  learn(status: ServerStatus): void {
    this.#status = status
    this.#goodUntilMs = this.#now() + VERDICT_MS
  }
}
