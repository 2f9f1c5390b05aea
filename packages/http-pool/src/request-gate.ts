interface OriginPlaces {
  active: number
  /** Called with the place already taken. First come, first served. */
  readonly queue: Set<() => void>
}

/**
 * Bounds how many requests run at a time, per origin and in all, and queues the rest. The agents have queues of
 * their own, but those have neither a bound nor a way to leave them.
 */
export class RequestGate {
  readonly #maxActive: number
  readonly #maxActivePerOrigin: number
  readonly #maxQueuedPerOrigin: number
  readonly #origins = new Map<string, OriginPlaces>()
  #active = 0
  #queued = 0
  #onIdle: (() => void)[] = []

  constructor(limits: { maxActive: number; maxActivePerOrigin: number; maxQueuedPerOrigin: number }) {
    this.#maxActive = limits.maxActive
    this.#maxActivePerOrigin = limits.maxActivePerOrigin
    this.#maxQueuedPerOrigin = limits.maxQueuedPerOrigin
  }

  get active(): number {
    return this.#active
  }

  get queued(): number {
    return this.#queued
  }

  get origins(): Iterable<
    readonly [string, { readonly active: number; readonly queue: ReadonlySet<unknown> }]
  > {
    return this.#origins
  }

  /**
   * Takes a place for `origin` (`entered`), or leaves `onEntered` in the queue (`queued`), or refuses (`full`).
   * Who entered must call {@link leave} once; who is queued may call {@link withdraw}.
   */
  enter(origin: string, onEntered: () => void): 'entered' | 'queued' | 'full' {
    let places = this.#origins.get(origin)
    if (places === undefined) {
      places = { active: 0, queue: new Set() }
      this.#origins.set(origin, places)
    }
    if (places.active < this.#maxActivePerOrigin && this.#active < this.#maxActive) {
      this.#take(places)
      return 'entered'
    }
    if (places.queue.size >= this.#maxQueuedPerOrigin) {
      this.#forgetIfUnused(origin, places)
      return 'full'
    }
    places.queue.add(onEntered)
    this.#queued += 1
    return 'queued'
  }

  /** Gives up a place in the queue. */
  withdraw(origin: string, onEntered: () => void): void {
    const places = this.#origins.get(origin)
    if (places === undefined || !places.queue.delete(onEntered)) return
    this.#queued -= 1
    this.#forgetIfUnused(origin, places)
    this.#notifyIfIdle()
  }

  /** Gives back a place and lets the next request in. */
  leave(origin: string): void {
    const places = this.#origins.get(origin)
    if (places === undefined || places.active === 0) return
    places.active -= 1
    this.#active -= 1
    if (this.#queued > 0) {
      // Who has just been served goes to the end, so that a busy origin does not starve the others.
      this.#origins.delete(origin)
      this.#origins.set(origin, places)
      this.#admitNext()
    }
    this.#forgetIfUnused(origin, places)
    this.#notifyIfIdle()
  }

  /** Forgets everybody in the queue: who is there will not be called. */
  dismiss(): void {
    for (const [origin, places] of this.#origins) {
      places.queue.clear()
      this.#forgetIfUnused(origin, places)
    }
    this.#queued = 0
    this.#notifyIfIdle()
  }

  /** Resolves when nobody holds a place or waits for one. */
  whenIdle(): Promise<void> {
    if (this.#active === 0 && this.#queued === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onIdle.push(resolve)
    })
  }

  #take(places: OriginPlaces): void {
    places.active += 1
    this.#active += 1
  }

  #admitNext(): void {
    for (const places of this.#origins.values()) {
      const [next] = places.queue
      if (next === undefined || places.active >= this.#maxActivePerOrigin) continue
      places.queue.delete(next)
      this.#queued -= 1
      this.#take(places)
      next()
      return
    }
  }

  #forgetIfUnused(origin: string, places: OriginPlaces): void {
    if (places.active === 0 && places.queue.size === 0) this.#origins.delete(origin)
  }

  #notifyIfIdle(): void {
    if (this.#active > 0 || this.#queued > 0) return
    for (const notify of this.#onIdle.splice(0)) notify()
  }
}
