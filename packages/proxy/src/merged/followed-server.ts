import type { Logger, Principal, ServerStatus } from '@mreg/core'
import {
  type CatalogServer,
  type Definition,
  type DefinitionKind,
  type KeptOffer,
  needsLogin,
} from '@mreg/registry'

import type { ServerRoute } from '../route-table.ts'
import type { CatalogSettings } from './catalog-settings.ts'
import { ListListener } from './list-changes.ts'
import type { ListQueue } from './list-queue.ts'
import { type LastLook, LookSchedule, type LookScheduleOptions, type LookTimes } from './look-schedule.ts'
import type { OfferKeeper } from './offer-keeper.ts'
import { OneAtATime } from './one-at-a-time.ts'
import { OfferError, type OfferLimits, readOffer, type ReadOfferOptions } from './read-offer.ts'
import type { LookedAt } from './shared-looks.ts'
import { withinSignal } from './within-signal.ts'

export interface FollowedServerOptions extends Pick<LookScheduleOptions, 'looks' | 'processesOf'> {
  readonly ask: ReadOfferOptions['ask']
  /** For whom the server is asked. */
  readonly principal: Principal
  readonly limits: OfferLimits
  readonly timeouts: LookTimes & Pick<CatalogSettings, 'listMs' | 'maxAwayMs'>
  readonly keeper: OfferKeeper
  readonly queue: ListQueue
  /** Whose lists they are: empty for everybody's, else what stands for one principal. */
  readonly scopeKey: string
  /** Resolves once what was kept before this process began has been taken over. */
  readonly loaded: Promise<void>
  /** Shows what the server offers from now on. Gives the kinds of which it is something else than `before`. */
  readonly show: (next: CatalogServer, before: CatalogServer | undefined) => ReadonlySet<DefinitionKind>
  readonly logger: Logger
}

/** The code of a server of which it is not known whether it answers: it has been asked, and somebody has waited long enough. */
export const NOT_ANSWERED_YET = 'not_answered_yet'

/**
 * One server as the catalog knows it: asked in the background, within one deadline, when it is new or another, when it says that its
 * lists have changed, when what it said is no longer good, and again and again while it does not answer. What it offered last stays
 * while it is away.
 */
export class FollowedServer {
  readonly #options: FollowedServerOptions
  readonly #schedule: LookSchedule
  readonly #looks: OneAtATime
  readonly #listener: ListListener
  readonly #reloads: OneAtATime
  readonly #ending = new AbortController()
  readonly #asked = Promise.withResolvers<void>()
  #route: ServerRoute
  /** What it offers; undefined: it has never said. */
  #known: CatalogServer | undefined
  #failures = 0
  #failingSince: Date | undefined
  #ttlMs: number | undefined
  #wasAsked = false
  /** Whether a process may be started to learn what it offers. */
  #isWanted: boolean
  /** Whether what is known of it was kept by a process before this one. */
  #isAdopted = false
  #isGivenUp = false

  /**
   * Begins to follow it, once what was kept is known.
   *
   * @param isWanted whether a process may be started for that at once; false: only when somebody wants its lists.
   */
  constructor(options: FollowedServerOptions, route: ServerRoute, isWanted: boolean) {
    this.#options = options
    this.#route = route
    this.#isWanted = isWanted
    this.#schedule = new LookSchedule({ ...options, look: () => this.look() })
    const { signal } = this.#ending
    this.#listener = new ListListener({ ...options, signal, onChange: () => this.look() })
    this.#looks = new OneAtATime(() => this.#look())
    this.#reloads = new OneAtATime(() => this.#reload())
    this.look()
  }

  /** Where it is. */
  get route(): ServerRoute {
    return this.#route
  }

  /** What it offers; undefined: it has never said. */
  get known(): CatalogServer | undefined {
    return this.#known
  }

  /** Resolves when it has been asked for the first time, whether it answered or not. */
  get asked(): Promise<void> {
    return this.#asked.promise
  }

  /** Whether it has been asked, or nobody waits for that any more. */
  get isSettled(): boolean {
    return this.#wasAsked || this.#isGivenUp
  }

  /** Takes over what was kept of it before this process began. */
  adopt({ definitions, seenAt }: Pick<KeptOffer, 'definitions' | 'seenAt'>): void {
    this.#isAdopted = true
    this.#show({ definitions, seenAt })
  }

  /** What is kept of it by now; undefined: nothing is. */
  read(): Promise<readonly Definition[] | undefined> {
    return this.#options.keeper.read(this.#route)
  }

  /** It is registered anew, with other settings maybe: then it is asked at once. */
  follow(route: ServerRoute): void {
    const isSame = this.#route.server.revision === route.server.revision
    this.#route = route
    if (isSame) return
    // What is selected by tag is another thing when the tags are others.
    if (this.#known !== undefined && String(this.#known.tags) !== String(route.server.tags)) {
      this.#known = { ...this.#known, tags: route.server.tags }
      this.#options.show(this.#known, undefined)
    }
    // Another policy may be set.
    this.#options.keeper.doubt()
    this.#isWanted = true
    this.look()
  }

  /** Somebody wants its lists. */
  want(): void {
    if (this.#isWanted) return
    this.#isWanted = true
    if (!this.#wasAsked) this.look()
  }

  /** Asks it, now; once more after a look under way, which may have seen what was before. */
  look(): void {
    this.#schedule.end()
    void this.#looks.run()
  }

  /** It is doing better or worse. */
  statusChanged(status: ServerStatus): void {
    const isNews = this.#failures === 0 ? status === 'unhealthy' : status === 'healthy'
    if (isNews) this.look()
  }

  /** What is kept may be something else: it is compared when the server is asked next. */
  doubt(): void {
    this.#options.keeper.doubt()
  }

  /** What is kept has changed: takes it over, and asks nobody. Resolves when that is done. */
  reload(): Promise<void> {
    return this.#reloads.run()
  }

  /** Anything may have changed in what is kept. */
  reloadAll(): void {
    void this.reload()
    // What it said while nothing could be kept.
    if (this.#known !== undefined && this.#failures === 0 && !this.#options.keeper.isKept) this.look()
  }

  /** Whoever waited for its first answer goes on without it: lists say so until it comes. */
  giveUp(): void {
    if (this.isSettled) return
    this.#isGivenUp = true
    this.#failingSince ??= new Date()
    const reason = 'the server has not answered yet'
    this.#show({ unavailable: { since: this.#failingSince, reason, code: NOT_ANSWERED_YET } })
  }

  /** It is not followed any more. */
  end(): void {
    this.#ending.abort()
    this.#schedule.end()
    this.#asked.resolve()
  }

  async #look(): Promise<void> {
    await this.#options.loaded
    const isAsleep = this.#schedule.isAsleep(this.#route)
    // A process is not started only because the gateway was, nor to be asked what is known already.
    if (isAsleep && !this.#isWanted && !this.#isAdopted) return
    if (isAsleep && !this.#wasAsked && this.#isAdopted) this.#isWell()
    else {
      const endTurn = await this.#options.queue.turn()
      if (!this.#ending.signal.aborted) await this.#ask()
      endTurn()
    }
    this.#wasAsked = true
    this.#asked.resolve()
    if (!this.#ending.signal.aborted) this.#schedule.next(this.#route, this.#lookedAt, this.#last)
  }

  async #ask(): Promise<void> {
    const { ask, keeper, limits, principal, timeouts } = this.#options
    const { slug } = this.#route.server
    try {
      const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(timeouts.listMs)])
      const asked = readOffer({ ask, slug, principal, limits, signal })
      const offer = await withinSignal(asked, signal, 'the server did not say in time what it offers')
      const seenAt = new Date()
      const definitions = await keeper.keep(this.#route, offer.definitions, this.#known?.definitions)
      const { isPublic, ttlMs } = offer
      this.#ttlMs = ttlMs
      const freshness = ttlMs === undefined ? undefined : { until: seenAt.getTime() + ttlMs, isPublic }
      this.#isWell({ definitions, seenAt, freshness })
      this.#schedule.answered(this.#lookedAt, this.#last)
      // A process is not kept for that alone.
      if (this.#options.processesOf(this.#route) === undefined) this.#listener.hear(slug)
    } catch (error) {
      if (!this.#ending.signal.aborted) this.#failed(error)
    }
  }

  #isWell(changes: Partial<CatalogServer> = {}): void {
    this.#failures = 0
    this.#failingSince = undefined
    this.#show({ ...changes, unavailable: undefined })
  }

  #failed(error: unknown): void {
    const { keeper, logger, timeouts } = this.#options
    this.#failures += 1
    const since = (this.#failingSince ??= new Date())
    const reason = error instanceof Error ? error.message : String(error)
    logger.debug('a server did not say what it offers', { server: this.#route.server.slug, reason })
    const unavailable = { since, reason, code: OfferError.is(error) ? error.reason : undefined }
    const isShown = Date.now() - since.getTime() < timeouts.maxAwayMs
    // It may be back with exactly that.
    if (!isShown) keeper.doubt()
    this.#show({ unavailable, ...(isShown ? {} : { definitions: [] }) })
  }

  async #reload(): Promise<void> {
    const { keeper, loaded, logger } = this.#options
    try {
      await loaded
      const definitions = await keeper.read(this.#route, this.#known?.definitions)
      if (definitions === undefined || this.#ending.signal.aborted) return
      if (this.#show({ definitions }).size > 0) keeper.doubt()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      const { slug } = this.#route.server
      logger.warn('what another process learned of a server could not be read', { server: slug, reason })
    }
  }

  /** Shows it with what is other by now. Gives the kinds of which it offers something else than before. */
  #show(changes: Partial<CatalogServer>): ReadonlySet<DefinitionKind> {
    const { id: serverId, slug, tags } = this.#route.server
    const before = this.#known
    this.#known = { definitions: [], ...before, serverId, slug, tags, ...changes }
    return this.#options.show(this.#known, before)
  }

  get #last(): LastLook {
    return { failures: this.#failures, isTold: needsLogin(this.#known), ttlMs: this.#ttlMs }
  }

  get #lookedAt(): LookedAt {
    const { principal, scopeKey } = this.#options
    const { id: serverId, revision } = this.#route.server
    return { tenantId: principal.tenantId, serverId, revision, scopeKey }
  }
}
