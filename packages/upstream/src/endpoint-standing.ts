import type { CircuitBreaker } from '@mreg/circuit-breaker'
import type { ServerStatus } from '@mreg/core'
import type { Era } from '@mreg/mcp-wire'

import type { Fitness } from './circuit/fitness.ts'

/** How it stands with an endpoint, for whoever asks why a request would go there or not. */
export interface EndpointStanding {
  readonly fitness: Fitness
  readonly circuit: CircuitBreaker['state']
  /** Until its circuit lets a call try, in milliseconds; 0: it does now. */
  readonly retryAfterMs: number
  /** How long it has asked to be left alone, in milliseconds; 0: not at all. */
  readonly paceMs: number
  /** What a probe found last, as far as that is still worth anything; undefined: nothing is. */
  readonly status: ServerStatus | undefined
  /** In which era it is spoken to, by the era of the client; undefined: it would be asked first. */
  readonly eras: {
    readonly legacy: Era | undefined
    readonly modern: Era | undefined
    /** How long ago that was found out, in milliseconds; undefined: it never was. */
    readonly ageMs: number | undefined
  }
}
