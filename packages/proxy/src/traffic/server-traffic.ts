import type { Era } from '@mreg/mcp-wire'

import {
  DURATION_BOUNDS_MS,
  ERAS,
  METHOD_CLASSES,
  type MethodClass,
  type Outcome,
  OUTCOMES,
} from './dimensions.ts'

/** How long requests of one class took. */
export interface Durations {
  readonly methodClass: MethodClass
  /** How many took at most so long: one for each of `DURATION_BOUNDS_MS`, added up from the shortest on. */
  readonly atMost: readonly number[]
  readonly count: number
  readonly sumMs: number
}

/** Requests that ended alike. */
export interface RequestCount {
  readonly era: Era
  readonly methodClass: MethodClass
  readonly outcome: Outcome
  readonly count: number
}

/** One request that has ended. */
export interface EndedRequest {
  readonly era: Era
  readonly methodClass: MethodClass
  readonly outcome: Outcome
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
}

const BUCKETS = DURATION_BOUNDS_MS.length + 1

/** What one server was asked since the start. Numbers in arrays: to count is to add to a few of them. */
export class ServerTraffic {
  readonly tenantId: string
  readonly slug: string
  readonly #counts = new Float64Array(ERAS.length * METHOD_CLASSES.length * OUTCOMES.length)
  readonly #durations = new Float64Array(METHOD_CLASSES.length * BUCKETS)
  readonly #durationSumsMs = new Float64Array(METHOD_CLASSES.length)
  requestBytes = 0
  responseBytes = 0
  /** Requests that were translated between the eras. */
  bridged = 0

  constructor(tenantId: string, slug: string) {
    this.tenantId = tenantId
    this.slug = slug
  }

  count({ durationMs, era, methodClass, outcome, requestBytes, responseBytes }: EndedRequest): void {
    const of = METHOD_CLASSES.indexOf(methodClass)
    add(
      this.#counts,
      (ERAS.indexOf(era) * METHOD_CLASSES.length + of) * OUTCOMES.length + OUTCOMES.indexOf(outcome),
    )
    add(this.#durations, of * BUCKETS + bucketOf(durationMs))
    add(this.#durationSumsMs, of, durationMs)
    this.requestBytes += requestBytes
    this.responseBytes += responseBytes
  }

  /** The requests, by how they ended; what never happened is left out. */
  *counts(): Generator<RequestCount, void, undefined> {
    let index = 0
    for (const era of ERAS) {
      for (const methodClass of METHOD_CLASSES) {
        for (const outcome of OUTCOMES) {
          const count = this.#counts[index] ?? 0
          if (count > 0) yield { era, methodClass, outcome, count }
          index += 1
        }
      }
    }
  }

  /** How long they took, by class; a class without any is left out. */
  *durations(): Generator<Durations, void, undefined> {
    for (const [of, methodClass] of METHOD_CLASSES.entries()) {
      const found = this.#durations.subarray(of * BUCKETS, (of + 1) * BUCKETS)
      let count = 0
      const sums = Array.from(found, (value) => (count += value))
      if (count > 0)
        yield { methodClass, atMost: sums.slice(0, -1), count, sumMs: this.#durationSumsMs[of] ?? 0 }
    }
  }
}

const add = (numbers: Float64Array, index: number, value = 1): void => {
  numbers[index] = (numbers[index] ?? 0) + value
}

const bucketOf = (durationMs: number): number => {
  let bucket = 0
  while (bucket < DURATION_BOUNDS_MS.length && durationMs > (DURATION_BOUNDS_MS[bucket] ?? 0)) bucket += 1
  return bucket
}
