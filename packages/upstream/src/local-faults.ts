import { isLoopback } from '@mreg/core'

import type { UpstreamError, UpstreamErrorReason } from './upstream-error.ts'

export interface LocalFaultsOptions {
  /** How long after a wake failures are excused, in milliseconds. Default 15,000. */
  readonly wakeGraceMs?: number | undefined
  /** So many origins that cannot be reached at once are the fault of our network. Default 3. */
  readonly origins?: number | undefined
  /** What counts as at once, in milliseconds. Default 10,000. */
  readonly windowMs?: number | undefined
  /** Milliseconds of a clock that never goes back. Default `performance.now`. */
  readonly now?: (() => number) | undefined
}

/** Failures from before anything was sent. */
const BEFORE_CONNECT: ReadonlySet<UpstreamErrorReason> = new Set(['dns', 'unreachable', 'connect_timeout'])

/** The faults of this machine as one endpoint sees them. */
export interface EndpointFaults {
  /** Whether `failure` is our own fault, and not the endpoint's. */
  excuses(failure: UpstreamError): boolean
  /** The endpoint has answered, whatever it said. */
  answered(): void
}

/**
 * Tells the faults of this machine from those of the servers, so that a laptop that has slept, or lost its
 * network, opens no circuit: the first seconds after a wake, and several origins at once that cannot even be
 * connected to while no other one answers. What listens on this machine is reached without a network: it is never
 * excused by the latter, and its answers prove nothing.
 */
export class LocalFaults {
  readonly #wakeGraceMs: number
  readonly #origins: number
  readonly #windowMs: number
  readonly #now: () => number
  /** When each origin was last found out of reach. */
  readonly #unreachable = new Map<string, number>()
  #graceUntil = Number.NEGATIVE_INFINITY
  /** When anything was last reached over the network. */
  #answeredAt = Number.NEGATIVE_INFINITY

  constructor(options: LocalFaultsOptions = {}) {
    this.#wakeGraceMs = options.wakeGraceMs ?? 15_000
    this.#origins = options.origins ?? 3
    this.#windowMs = options.windowMs ?? 10_000
    this.#now = options.now ?? (() => performance.now())
  }

  /** The machine has slept until now. */
  wake(): void {
    this.#graceUntil = this.#now() + this.#wakeGraceMs
  }

  /** @param url of the endpoint; undefined when it is not reached by a URL. */
  of(url: string | undefined): EndpointFaults {
    const { origin, hostname } = url === undefined ? LOCAL : new URL(url)
    if (isLoopback(hostname)) return { excuses: () => this.#isWaking(this.#now()), answered: () => {} }
    return {
      excuses: (failure) => this.#excuses(failure, origin),
      answered: () => {
        this.#answeredAt = this.#now()
      },
    }
  }

  #isWaking(now: number): boolean {
    return now < this.#graceUntil
  }

  #excuses(failure: UpstreamError, origin: string): boolean {
    const now = this.#now()
    if (this.#isWaking(now)) return true
    if (!BEFORE_CONNECT.has(failure.reason)) return false
    this.#unreachable.set(origin, now)
    for (const [known, at] of this.#unreachable)
      if (now - at > this.#windowMs) this.#unreachable.delete(known)
    return this.#unreachable.size >= this.#origins && now - this.#answeredAt > this.#windowMs
  }
}

/** Where a child is. */
const LOCAL = { origin: '', hostname: 'localhost' }
