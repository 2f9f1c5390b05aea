import { LegacySession, type LegacySessionSeed } from './legacy-session.ts'
import { SessionCaps } from './session-caps.ts'
import type { SessionTombstones } from './session-tombstones.ts'
import type { UpstreamEndpoint } from './upstream-endpoint.ts'

interface Remembered {
  readonly session: LegacySession
  readonly endpoint: UpstreamEndpoint
  usedAt: number
  /** The epoch in which it was known that nobody had ended it; undefined: that was not asked yet. */
  vouchedIn: number | undefined
}

export interface LegacySessionsOptions {
  /** Sessions remembered at once; the one idle longest goes first. */
  readonly maxSessions: number
  /** Of them, those of one principal; see {@link SessionCaps}. Default 100. */
  readonly maxPerPrincipal?: number | undefined
  /** Of them, those of one tenant. Default 50,000. */
  readonly maxPerTenant?: number | undefined
  /** A session is forgotten after so many milliseconds without use. It is rebuilt from its seed on return. */
  readonly idleMs: number
  /** How long an ended session stays refused, in milliseconds: as long as its token would be good. */
  readonly tombstoneMs: number
  /** The ends of sessions at other processes; undefined: there are none. */
  readonly tombstones?: SessionTombstones | undefined
  /** Milliseconds of a clock that never goes back. Default `performance.now`. */
  readonly now?: (() => number) | undefined
}

/** The upstream sessions of the clients of this process. What is forgotten here is rebuilt from the client's token. */
export class LegacySessions {
  readonly #sessions = new Map<string, Remembered>()
  readonly #ended = new Map<string, number>()
  readonly #lookups = new Map<string, Promise<boolean | undefined>>()
  /** Sessions without a server of their own, and the epoch in which it was known that nobody had ended them. */
  readonly #good = new Map<string, number>()
  readonly #options: LegacySessionsOptions
  readonly #now: () => number
  /** How many sessions everybody may have. */
  readonly caps: SessionCaps
  /** Begins anew whenever the ends of sessions may have been missed. */
  #epoch = 0

  constructor(options: LegacySessionsOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    const { idleMs, maxPerPrincipal = 100, maxPerTenant = 50_000 } = options
    this.caps = new SessionCaps({
      maxPerPrincipal,
      maxPerTenant,
      idleMs,
      onDisplaced: (sessionId) => {
        this.#sessions.delete(sessionId)
        this.#good.delete(sessionId)
      },
      now: this.#now,
    })
    options.tombstones?.watch({
      ended: (sessionId) => this.#bury(sessionId),
      missed: () => {
        this.#epoch += 1
      },
    })
  }

  /** How many are remembered. */
  get size(): number {
    return this.#sessions.size
  }

  /** Where a session is, as far as this process knows. */
  endpointOf(sessionId: string): UpstreamEndpoint | undefined {
    return this.#sessions.get(sessionId)?.endpoint
  }

  /** Remembers a session that has just begun in this process, so that nobody need be asked about it. */
  begin(seed: LegacySessionSeed, endpoint: UpstreamEndpoint): void {
    this.get(seed, endpoint)
    this.#vouch(seed.id, this.#epoch)
  }

  /**
   * The session of `seed`; undefined when it was ended, here or at another process. Of a session that this process
   * has not seen yet, or may have missed the end of, the tombstones are asked once; it is good if they cannot tell.
   */
  async find(seed: LegacySessionSeed, endpoint: UpstreamEndpoint): Promise<LegacySession | undefined> {
    const { tombstones } = this.#options
    const epoch = this.#epoch
    if (tombstones === undefined || this.#ended.has(seed.id)) return this.get(seed, endpoint)
    if (this.#sessions.get(seed.id)?.vouchedIn === epoch) return this.get(seed, endpoint)
    const isEnded = await this.#lookUp(seed.id, tombstones)
    if (isEnded === true) this.#bury(seed.id)
    const session = this.get(seed, endpoint)
    if (isEnded === false) this.#vouch(seed.id, epoch)
    return session
  }

  /**
   * Whether a session that has no server of its own was ended, here or at another process. Other processes are asked
   * once; false if they cannot tell.
   */
  async isEnded(sessionId: string): Promise<boolean> {
    const { maxSessions, tombstones } = this.#options
    if (this.#ended.has(sessionId)) return true
    const epoch = this.#epoch
    if (tombstones === undefined || this.#good.get(sessionId) === epoch) return false
    const isEnded = await this.#lookUp(sessionId, tombstones)
    if (isEnded === true) this.#bury(sessionId)
    if (isEnded === false) {
      const [oldest] = this.#good.keys()
      if (this.#good.size >= maxSessions && oldest !== undefined) this.#good.delete(oldest)
      this.#good.set(sessionId, epoch)
    }
    return isEnded === true
  }

  /** The session of `seed`; undefined when this process knows that it was ended. */
  get(seed: LegacySessionSeed, endpoint: UpstreamEndpoint): LegacySession | undefined {
    if (this.#ended.has(seed.id)) return undefined
    const now = this.#now()
    const known = this.#sessions.get(seed.id)
    // Deleting and setting moves it to the end: the map is in order of use, oldest first.
    this.#sessions.delete(seed.id)
    const remembered: Remembered =
      known?.endpoint === endpoint
        ? known
        : {
            session: new LegacySession(carriedOver(seed, known, endpoint), endpoint),
            endpoint,
            usedAt: now,
            vouchedIn: known?.vouchedIn,
          }
    remembered.usedAt = now
    this.#sessions.set(seed.id, remembered)
    this.#forgetIdle(now)
    return remembered.session
  }

  /** Ends a session for good: its token is refused from now on. */
  end(sessionId: string): void {
    this.#bury(sessionId)
    this.#options.tombstones?.add(sessionId)
  }

  #bury(sessionId: string): void {
    const now = this.#now()
    this.#sessions.delete(sessionId)
    this.#ended.set(sessionId, now + this.#options.tombstoneMs)
    for (const [id, until] of this.#ended) {
      if (until > now && this.#ended.size <= this.#options.maxSessions) break
      this.#ended.delete(id)
    }
  }

  #vouch(sessionId: string, epoch: number): void {
    const remembered = this.#sessions.get(sessionId)
    if (remembered !== undefined) remembered.vouchedIn = epoch
  }

  /** One look for all who ask meanwhile. */
  #lookUp(sessionId: string, tombstones: SessionTombstones): Promise<boolean | undefined> {
    const known = this.#lookups.get(sessionId)
    if (known !== undefined) return known
    const lookup = tombstones.has(sessionId).finally(() => this.#lookups.delete(sessionId))
    this.#lookups.set(sessionId, lookup)
    return lookup
  }

  #forgetIdle(now: number): void {
    for (const [id, { usedAt }] of this.#sessions) {
      if (now - usedAt <= this.#options.idleMs && this.#sessions.size <= this.#options.maxSessions) return
      this.#sessions.delete(id)
    }
  }
}

/** When the same endpoint was made anew, the upstream still has the session that it opened last. */
const carriedOver = (
  seed: LegacySessionSeed,
  known: Remembered | undefined,
  { target }: UpstreamEndpoint,
): LegacySessionSeed =>
  known?.endpoint.target.endpoint.id === target.endpoint.id
    ? { ...seed, opened: known.session.opened ?? seed.opened }
    : seed
