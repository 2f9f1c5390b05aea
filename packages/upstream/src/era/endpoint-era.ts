import type { Era } from '@mreg/mcp-wire'

/** What was found out. undefined: nothing, what was known stays. */
export interface EraFinding {
  readonly modern?: boolean | undefined
  readonly legacy?: boolean | undefined
}

export interface EndpointEraOptions {
  /**
   * Asks the endpoint, and tells what comes of it through {@link EndpointEra.learn}. Never rejects. undefined: it cannot be
   * asked, and only what it says to others teaches anything.
   */
  readonly ask?: (() => Promise<unknown>) | undefined
  /** A server that is found to be modern is not tried in the older era: for one that is a process, a try costs a process. */
  readonly prefersModern?: boolean | undefined
  /** When a verdict that an endpoint speaks only the older era is asked for anew, in milliseconds. Default 10 min. */
  readonly refreshMs?: number | undefined
  /** At least so long lies between two questions that nobody waits for, in milliseconds. Default 10 s. */
  readonly pauseMs?: number | undefined
  /** Milliseconds of a clock that never goes back. Default `performance.now`. */
  readonly now?: (() => number) | undefined
}

/**
 * Which eras of the protocol an endpoint speaks, as far as it is known, with the time of the finding. Silence, 5xx and 401
 * teach nothing. That it speaks only the older era is found out anew from time to time, behind the back of whoever uses
 * the endpoint, because a server that learns the newer one goes on answering in the older.
 */
export class EndpointEra {
  readonly #options: EndpointEraOptions
  readonly #now: () => number
  #modern: boolean | undefined
  #legacy: boolean | undefined
  #foundAt = Number.NEGATIVE_INFINITY
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<unknown> | undefined

  constructor(options: EndpointEraOptions = {}) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
  }

  /** Takes over what was found out just now. */
  learn({ modern, legacy }: EraFinding): void {
    this.#modern = modern ?? this.#modern
    this.#legacy = legacy ?? this.#legacy
    this.#foundAt = this.#now()
  }

  /** How long ago something was found out last, in milliseconds; undefined: nothing was. */
  get ageMs(): number | undefined {
    const ageMs = this.#now() - this.#foundAt
    return Number.isFinite(ageMs) ? Math.round(ageMs) : undefined
  }

  /**
   * In which era to speak to the endpoint for a client of `client`'s: the client's own where the endpoint speaks it, or may
   * do. undefined: that has to be found out first.
   */
  known(client: Era): Era | undefined {
    const era = this.peek(client)
    if (client === 'modern' && era === 'legacy' && this.#isOld) this.#askAside()
    return era
  }

  /** The same for whoever only looks: nothing is asked behind anybody's back. */
  peek(client: Era): Era | undefined {
    if (client === 'legacy') {
      if (this.#legacy === true) return 'legacy'
      if (this.#legacy === false) return 'modern'
      return this.#modern === true && this.#options.prefersModern === true ? 'modern' : undefined
    }
    if (this.#modern === true) return 'modern'
    return this.#modern === undefined && this.#legacy !== true ? undefined : 'legacy'
  }

  /**
   * The same, after asking the endpoint where that is needed: one question for all who wait.
   *
   * @returns undefined when it is not known within `timeoutMs` milliseconds.
   */
  async find(client: Era, timeoutMs: number): Promise<Era | undefined> {
    const known = this.known(client)
    if (known !== undefined) return known
    const asking = this.#ask()
    if (asking === undefined) return undefined
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, timeoutMs)
    await Promise.race([asking, late])
    clearTimeout(timer)
    return this.known(client)
  }

  /** The endpoint did not understand what it should have: asks it again soon, behind the back of whoever noticed. */
  doubt(): void {
    this.#askAside()
  }

  get #isOld(): boolean {
    return this.#now() - this.#foundAt > (this.#options.refreshMs ?? 600_000)
  }

  #askAside(): void {
    if (this.#now() - this.#askedAt > (this.#options.pauseMs ?? 10_000)) void this.#ask()
  }

  #ask(): Promise<unknown> | undefined {
    this.#askedAt = this.#now()
    this.#asking ??= this.#options.ask?.().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }
}
