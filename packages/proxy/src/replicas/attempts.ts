import { setTimeout as delay } from 'node:timers/promises'

import type { Era } from '@mreg/mcp-wire'
import {
  type CallLease,
  type EndpointTarget,
  type Fitness,
  isRepeatable,
  type UpstreamEndpoint,
  UpstreamError,
  type Upstreams,
} from '@mreg/upstream'

import type { ActiveRequest } from '../active/active-request.ts'
import type { ServerRoute } from '../route-table.ts'
import { firstReplica, KEEPS_ITS_OWN, sameReplica, USABLE } from './first-replica.ts'
import type { ReplicaOf, Replicas } from './replicas.ts'
import { verdictOf } from './verdict.ts'

/** One request, as far as it matters who gets it. */
export interface AttemptsOptions {
  readonly route: ServerRoute
  readonly upstreams: Upstreams
  readonly method: string | undefined
  /** The tool that it calls. */
  readonly toolName?: string | undefined
  /** Whose it is: for strategies that keep what belongs together in one place. */
  readonly key: string
  /** For all of it, in milliseconds. */
  readonly deadlineMs: number
  /** The endpoint that it belongs to. undefined: none in particular. */
  readonly home?: string | undefined
  /** Which era the client speaks: one request does not change between endpoints that speak different ones. */
  readonly era: Era
  /** Where it is written down who has it. Default: nowhere. */
  readonly active?: ActiveRequest | undefined
}

const GOOD: ReadonlySet<Fitness> = new Set(['good'])
const RECOVERING: ReadonlySet<Fitness> = new Set(['recovering'])
/** So many endpoints are tried at most. */
const MAX_ATTEMPTS = 5
/** The longest pause before the same endpoint is asked again, in milliseconds. */
const MAX_PAUSE_MS = 100

/**
 * Where one request goes, and where it goes next: an endpoint that cannot be reached is left for another one, and what may be
 * executed twice is sent once more, within the server's budget. All of it has one deadline.
 */
export class Attempts {
  readonly #options: AttemptsOptions
  readonly #replicas: Replicas
  #deadlineAtMs: number
  #endpoint: UpstreamEndpoint
  /** undefined: the server has only one endpoint. */
  #replica: ReplicaOf | undefined
  #tried: ReplicaOf[] | undefined
  #isRepeated = false

  /** @throws {UpstreamError} `transport_unsupported`. */
  constructor(options: AttemptsOptions) {
    this.#options = options
    this.#replicas = options.route.replicas
    this.#deadlineAtMs = performance.now() + options.deadlineMs
    const { only } = this.#replicas
    if (only === undefined) {
      this.#replica = this.#first()
      this.#endpoint = this.#endpointOf(this.#replica)
    } else this.#endpoint = options.upstreams.endpoint(only)
    if (isRepeatable(options.method)) this.#replicas.budget.earn()
  }

  /** Where it goes now. */
  get endpoint(): UpstreamEndpoint {
    return this.#endpoint
  }

  /** How long it may still take, in milliseconds; at least 1. */
  get remainingMs(): number {
    return Math.max(1, Math.ceil(this.#deadlineAtMs - performance.now()))
  }

  /** A part of it begins that has a deadline of its own. */
  renew(): void {
    this.#deadlineAtMs = performance.now() + this.#options.deadlineMs
  }

  /** It is sent now. To be ended once; undefined: nobody has to know. */
  begin(): CallLease | undefined {
    const { active } = this.#options
    if (active !== undefined) {
      active.endpointId = this.#endpoint.target.endpoint.id
      active.phase = 'waiting'
    }
    // How long a subscription lasts says nothing of how fast an endpoint is.
    if (this.#replica === undefined || this.#options.method === 'subscriptions/listen') return undefined
    return this.#replicas.begin(this.#replica)
  }

  /** Moves to where all requests with this key go, as long as they can. */
  keepTogether(): void {
    const isGood = (replica: ReplicaOf): boolean => this.#isAlike(replica) && this.#isIn(GOOD, replica)
    const chosen = sameReplica(this.#replicas, { key: this.#options.key, exclude: this.#tried, isGood })
    if (chosen !== undefined) this.#moveTo(chosen)
  }

  /**
   * Whether it is to be sent again after `error`, and where to is settled then. Waits a moment where the same endpoint is
   * asked again.
   *
   * @param home the endpoint that it belongs to by now. Default: none in particular.
   */
  async another(error: unknown, home?: string): Promise<boolean> {
    const tried = this.#tried ?? []
    if (this.#replica !== undefined) tried.push(this.#replica)
    this.#tried = tried
    const next = tried.length < MAX_ATTEMPTS ? this.#next(home) : undefined
    const verdict = verdictOf(error, this.#mayRunTwice, next !== undefined)
    if (verdict === 'over' || performance.now() >= this.#deadlineAtMs) return false
    if (verdict === 'again' && (this.#isRepeated || !this.#replicas.budget.spend())) return false
    this.#isRepeated ||= verdict === 'again'
    if (next !== undefined) this.#moveTo(next)
    else await delay(Math.min(Math.random() * MAX_PAUSE_MS, this.remainingMs))
    return true
  }

  get #mayRunTwice(): boolean {
    const { method, route, toolName } = this.#options
    if (isRepeatable(method)) return true
    return (
      method === 'tools/call' && route.server.settings.trusted === true && this.#replicas.tools.has(toolName)
    )
  }

  #first(): ReplicaOf {
    const { home, key, route } = this.#options
    const first = firstReplica(this.#replicas, {
      key,
      home,
      fitnessOf: (replica) => this.#fitnessOf(replica),
      retryAfterMsOf: (replica) => this.#endpointOf(replica).breaker.retryAfterMs,
    })
    if (first === undefined) throw noEndpoint(route)
    return first
  }

  #next(home: string | undefined): ReplicaOf | undefined {
    const { key } = this.#options
    const exclude = this.#tried
    const own = home === undefined ? undefined : this.#replicas.get(home)
    if (own !== undefined && exclude?.includes(own) !== true && this.#isIn(KEEPS_ITS_OWN, own)) return own
    const among = (fitness: ReadonlySet<Fitness>): ReplicaOf | undefined =>
      this.#replicas.pick({
        key,
        exclude,
        eligible: (replica) => this.#isAlike(replica) && this.#isIn(fitness, replica),
      })
    return among(GOOD) ?? among(RECOVERING) ?? among(USABLE)
  }

  #isIn(fitness: ReadonlySet<Fitness>, replica: ReplicaOf): boolean {
    return fitness.has(this.#fitnessOf(replica))
  }

  #fitnessOf(replica: ReplicaOf): Fitness {
    return this.#endpointOf(replica).fitnessFor(this.#options.key)
  }

  /** Whether it speaks as the one does that was chosen before. */
  #isAlike(replica: ReplicaOf): boolean {
    const { era } = this.#options
    const eraOf = (endpoint: UpstreamEndpoint): Era => endpoint.era.known(era) ?? era
    return eraOf(this.#endpointOf(replica)) === eraOf(this.#endpoint)
  }

  #moveTo(replica: ReplicaOf): void {
    this.#replica = replica
    this.#endpoint = this.#endpointOf(replica)
  }

  #endpointOf({ target }: { readonly target: EndpointTarget }): UpstreamEndpoint {
    return this.#options.upstreams.endpoint(target)
  }
}

const noEndpoint = ({ server }: ServerRoute): UpstreamError =>
  new UpstreamError('transport_unsupported', `the server ${server.slug} has no endpoint`, {
    requestSent: false,
  })
