import type { Principal } from '@mreg/core'
import { RateLimitedError } from '@mreg/core'

import { FairShare, type Party } from './fair-share.ts'
import { RateLimiter } from './rate-limiter.ts'
import type { LeaseFigures, Rate, SharedTokens } from './shared-tokens.ts'

/** How often, by whose requests are counted. 0 in a second: without limit. */
export interface RateSettings {
  readonly tenantPerSecond: number
  readonly tenantBurst: number
  readonly principalPerSecond: number
  readonly principalBurst: number
  readonly serverPerSecond: number
  readonly serverBurst: number
  readonly toolPerSecond: number
  readonly toolBurst: number
}

export interface RequestLimitsOptions {
  readonly rates: RateSettings
  /** Requests under way at once in this process. */
  readonly maxInFlight: number
  /** Of them, those that one upstream has at once. */
  readonly maxInFlightPerUpstream: number
  /** undefined: each process counts by itself. */
  readonly shared?: SharedTokens | undefined
  readonly now?: (() => number) | undefined
}

/** What requests are counted by. */
export const RATE_DIMENSIONS = ['tenant', 'principal', 'server', 'tool'] as const
export type RateDimension = (typeof RATE_DIMENSIONS)[number]

/** A call of a server, for whom. */
export interface LimitedCall {
  readonly principal: Principal
  readonly slug: string
  /** Names the upstream among those of all tenants, such as its origin. */
  readonly upstream: string
  /** The tool that is called; undefined: none is. */
  readonly tool: string | undefined
}

/** Why a call has to wait. */
export interface LimitRefusal {
  /** Stable. */
  readonly reason: 'rate_limited' | 'too_many_in_flight'
  /** Whose requests were too many. */
  readonly by: RateDimension | 'upstream'
  readonly retryAfterMs: number
  /** The setting that says how many. */
  readonly setting: string
}

/** When it makes sense to come back for a place, in milliseconds. */
const PLACE_RETRY_MS = 1000

/** What was refused since the start, and why. */
export type RefusalFigures = Record<RateDimension | 'share' | 'upstream', number>

/** Says who has to wait: how often and how much at once tenants, principals, servers and tools may be asked. */
export class RequestLimits {
  readonly leases: LeaseFigures = { granted: 0, refused: 0, away: 0 }
  readonly refusals: RefusalFigures = { tenant: 0, principal: 0, server: 0, tool: 0, share: 0, upstream: 0 }
  readonly #limiters: ReadonlyMap<RateDimension, RateLimiter>
  readonly #places: FairShare
  readonly #upstreams = new Map<string, FairShare>()
  readonly #maxInFlightPerUpstream: number

  constructor({ maxInFlight, maxInFlightPerUpstream, now, rates, shared }: RequestLimitsOptions) {
    this.#places = new FairShare(maxInFlight)
    this.#maxInFlightPerUpstream = maxInFlightPerUpstream
    const limiters = new Map<RateDimension, RateLimiter>()
    for (const name of RATE_DIMENSIONS) {
      const rate: Rate = { perSecond: rates[`${name}PerSecond`], burst: rates[`${name}Burst`] }
      if (rate.perSecond > 0)
        limiters.set(name, new RateLimiter({ name, rate, shared, figures: this.leases, now }))
    }
    this.#limiters = limiters
  }

  /**
   * Counts a request before it is read.
   *
   * @throws {RateLimitedError} `rate_limited`: its principal or tenant sends more than it may.
   */
  admit(principal: Principal): void {
    // Lest nobody could raise a limit that a tenant has come to.
    if (this.#limiters.size === 0 || isInstallation(principal)) return
    const { id, tenantId } = principal
    const refusal = this.#take('principal', `${tenantId} ${id}`) ?? this.#take('tenant', tenantId)
    if (refusal === undefined) return
    const { by, retryAfterMs, setting } = refusal
    const { burst, perSecond } = this.#limiters.get(by)?.rate ?? { burst: 1, perSecond: 1 }
    throw new RateLimitedError(
      'rate_limited',
      `the ${by} sends more requests than ${setting} in the settings file allows: ${perSecond} in a second, ${burst} at once`,
      { retryAfterMs, policy: by, quota: burst, windowMs: (burst * 1000) / perSecond },
    )
  }

  /**
   * Takes one of the places of this process, which is to be given back by {@link RequestLimits.leave}.
   *
   * @throws {RateLimitedError} `too_many_in_flight`: the principal or its tenant holds its share of them.
   */
  enter(principal: Principal): void {
    // Whoever is not told apart from others has nobody to make room for.
    if (principal.kind === 'local' || this.#places.enter(partyOf(principal))) return
    this.refusals.share += 1
    throw new RateLimitedError(
      'too_many_in_flight',
      'the principal or its tenant has as many requests under way as its share of limits.maxInFlightRequests',
      { retryAfterMs: PLACE_RETRY_MS },
    )
  }

  leave(principal: Principal): void {
    if (principal.kind !== 'local') this.#places.leave(partyOf(principal))
  }

  /** Counts a call that has been read. @returns why it has to wait; undefined: it need not. */
  callRefusal({ principal: { tenantId }, slug, tool }: LimitedCall): LimitRefusal | undefined {
    if (this.#limiters.size === 0) return undefined
    const server = `${tenantId} ${slug}`
    return (
      this.#take('server', server) ??
      (tool === undefined ? undefined : this.#take('tool', `${server} ${tool}`))
    )
  }

  /** Takes one of the places of an upstream, to be given back by {@link RequestLimits.leaveUpstream}. @returns why there is none. */
  enterUpstream({ principal, upstream }: LimitedCall): LimitRefusal | undefined {
    if (principal.kind === 'local') return undefined
    let places = this.#upstreams.get(upstream)
    if (places === undefined) {
      places = new FairShare(this.#maxInFlightPerUpstream)
      this.#upstreams.set(upstream, places)
    }
    if (places.enter(partyOf(principal))) return undefined
    this.refusals.upstream += 1
    return {
      reason: 'too_many_in_flight',
      by: 'upstream',
      retryAfterMs: PLACE_RETRY_MS,
      setting: 'limits.maxInFlightPerUpstream',
    }
  }

  leaveUpstream({ principal, upstream }: LimitedCall): void {
    if (principal.kind === 'local') return
    const places = this.#upstreams.get(upstream)
    places?.leave(partyOf(principal))
    if (places?.used === 0) this.#upstreams.delete(upstream)
  }

  #take(by: RateDimension, subject: string): (LimitRefusal & { readonly by: RateDimension }) | undefined {
    const retryAfterMs = this.#limiters.get(by)?.take(subject) ?? 0
    if (retryAfterMs === 0) return undefined
    this.refusals[by] += 1
    return { reason: 'rate_limited', by, retryAfterMs, setting: `rates.${by}PerSecond` }
  }
}

/** Whether it came with the administrator's key of the installation. */
const isInstallation = ({ keyId, kind }: Principal): boolean => kind === 'key' && keyId === undefined

const partyOf = ({ id: principalId, tenantId }: Principal): Party => ({ tenantId, principalId })
