/** Whose a session is. */
export interface SessionOwner {
  readonly tenantId: string
  readonly principalId: string
}

export interface SessionCapsOptions {
  /** Sessions of one principal that are remembered at once. */
  readonly maxPerPrincipal: number
  /** The same of one tenant. */
  readonly maxPerTenant: number
  /** A session is not counted any more after so many milliseconds without use. */
  readonly idleMs: number
  /** A session had to make room, and is to be forgotten. It comes back when its client does. */
  readonly onDisplaced: (sessionId: string) => void
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number
}

/** A session that is counted. To be given back to {@link SessionCaps.release}. */
export interface CountedSession extends SessionOwner {
  readonly sessionId: string
}

/** Room for a session that is being opened. Disposing of it gives up what was not kept. */
export interface SessionRoom extends Disposable {
  /** The session is open. */
  keep(sessionId: string): void
}

interface Counted extends CountedSession {
  /** Requests and streams of it that are under way. */
  uses: number
  usedAt: number
}

/** In order of use, the one idle longest first. */
type Counts = Map<string, Counted>

/**
 * How many sessions one principal, and one tenant, may have at once. Who opens one more displaces the one that was idle
 * longest, which costs its client nothing; only when all of them are in use there is no room. A client that comes back
 * always finds room: it was let in before.
 */
export class SessionCaps {
  readonly #options: SessionCapsOptions
  readonly #principals = new Map<string, Counts>()
  readonly #tenants = new Map<string, Counts>()
  #rooms = 0

  constructor(options: SessionCapsOptions) {
    this.#options = options
  }

  /** Room for one more session; else which of the limits is reached. */
  admit(owner: SessionOwner): SessionRoom | 'maxPerPrincipal' | 'maxPerTenant' {
    const reached = this.#makeRoom(owner, (counts) => first(counts, ({ uses }) => uses === 0))
    if (reached !== undefined) return reached
    this.#rooms += 1
    const room = this.#count(owner, `room-${this.#rooms}`)
    room.uses = 1
    let isHeld = true
    const giveUp = (): void => {
      if (isHeld) this.end(room)
      isHeld = false
    }
    return {
      keep: (sessionId) => {
        giveUp()
        this.#count(owner, sessionId)
      },
      [Symbol.dispose]: giveUp,
    }
  }

  /** A request of a session begins. To be released when it ends. */
  use(owner: SessionOwner, sessionId: string): CountedSession {
    const known = this.#principals.get(keyOf(owner))?.get(sessionId)
    // Whoever was in use longest goes, when all are: what is under way goes on all the same.
    if (known === undefined) this.#makeRoom(owner, (counts) => first(counts, () => true))
    const counted = known ?? this.#count(owner, sessionId)
    counted.uses += 1
    this.#touch(counted)
    return counted
  }

  release(session: CountedSession): void {
    const counted = this.#principals.get(keyOf(session))?.get(session.sessionId)
    // What was displaced or ended meanwhile is not counted, and may be counted anew under the same name.
    if (counted !== session || counted === undefined) return
    counted.uses -= 1
    this.#touch(counted)
  }

  /** A session is over. */
  end(session: CountedSession): void {
    remove(this.#principals, keyOf(session), session.sessionId)
    remove(this.#tenants, session.tenantId, session.sessionId)
  }

  /** How many sessions of an owner are counted now. */
  countOf(owner: SessionOwner): number {
    return this.#principals.get(keyOf(owner))?.size ?? 0
  }

  #count(owner: SessionOwner, sessionId: string): Counted {
    const { principalId, tenantId } = owner
    const counted: Counted = { tenantId, principalId, sessionId, uses: 0, usedAt: this.#options.now() }
    countsOf(this.#principals, keyOf(owner)).set(sessionId, counted)
    countsOf(this.#tenants, tenantId).set(sessionId, counted)
    return counted
  }

  #touch(counted: Counted): void {
    counted.usedAt = this.#options.now()
    for (const counts of [this.#principals.get(keyOf(counted)), this.#tenants.get(counted.tenantId)]) {
      counts?.delete(counted.sessionId)
      counts?.set(counted.sessionId, counted)
    }
  }

  /** Sees to it that there is room; else says which limit is in the way. */
  #makeRoom(
    owner: SessionOwner,
    choose: (counts: Counts) => Counted | undefined,
  ): 'maxPerPrincipal' | 'maxPerTenant' | undefined {
    const { idleMs, maxPerPrincipal, maxPerTenant, now } = this.#options
    for (const counted of this.#tenants.get(owner.tenantId)?.values() ?? []) {
      if (now() - counted.usedAt <= idleMs) break
      if (counted.uses === 0) this.end(counted)
    }
    const bounds = [
      ['maxPerPrincipal', maxPerPrincipal, this.#principals.get(keyOf(owner))],
      ['maxPerTenant', maxPerTenant, this.#tenants.get(owner.tenantId)],
    ] as const
    for (const [name, most, counts] of bounds) {
      if (counts === undefined || counts.size < most) continue
      const displaced = choose(counts)
      if (displaced === undefined) return name
      this.end(displaced)
      this.#options.onDisplaced(displaced.sessionId)
    }
    return undefined
  }
}

const keyOf = ({ principalId, tenantId }: SessionOwner): string => `${tenantId}\n${principalId}`

const first = (counts: Counts, suits: (counted: Counted) => boolean): Counted | undefined => {
  for (const counted of counts.values()) if (suits(counted)) return counted
  return undefined
}

const countsOf = (all: Map<string, Counts>, key: string): Counts => {
  const known = all.get(key)
  if (known !== undefined) return known
  const counts: Counts = new Map()
  all.set(key, counts)
  return counts
}

const remove = (all: Map<string, Counts>, key: string, sessionId: string): void => {
  const counts = all.get(key)
  counts?.delete(sessionId)
  if (counts?.size === 0) all.delete(key)
}
