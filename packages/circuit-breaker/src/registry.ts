import { checkCount, checkFunction, checkPositive, checkShare } from './checks.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { joinSync, Testimony, type CircuitSync } from './circuit-sync.ts'
import { Emitter } from './emitter.ts'
import { eventStream, type EventStreamOptions } from './event-stream.ts'
import type { CircuitEvent, CircuitEventOf, CircuitEventType, TransitionEvent } from './events.ts'
import type { CircuitBreakerOptions } from './options.ts'
import { CircuitPolicy, type PolicyHost } from './policy.ts'
import { RecencyList, type RecencyLink } from './recency-list.ts'
import type { CircuitSnapshot } from './snapshot.ts'
import type { TransitionRecord } from './transition-record.ts'

/** Entries looked at per new key when the registry is full, so that a crowd of open circuits costs no one a long search. */
const EVICTION_STEPS = 16

export interface CircuitBreakerRegistryOptions {
  /** For every breaker. Default: the defaults of CircuitBreaker. */
  readonly defaults?: CircuitBreakerOptions | undefined
  /**
   * For the breaker of one key, over the defaults; undefined for none. Give the same object to keys that share their
   * options: it is checked and held once.
   */
  readonly options?: ((key: string) => CircuitBreakerOptions | undefined) | undefined
  /** Breakers to hold; the least recently used closed one makes room. Default 10 000. */
  readonly max?: number | undefined
  /** A breaker unused for so long, and not open, may go: between once and twice this, in milliseconds. Default 3 600 000. */
  readonly idleMs?: number | undefined
  /**
   * When opening one more would leave more than this share of the breakers not closed, none opens by its rule: if nearly
   * everything seems down, the fault is ours. Above 0 up to 1; one may always open. Default 1: no limit.
   */
  readonly maxOpenRatio?: number | undefined
  /** Shares openings and closings with other processes. */
  readonly sync?: CircuitSync | undefined
  /**
   * Processes that must agree before an opening is taken over from `sync`; this one counts while its own calls fail.
   * Below that, an opening elsewhere makes the next failure here open. Default 2; with 1, any process opens all.
   */
  readonly quorum?: number | undefined
  /** Identifies this process towards `sync`. Default: drawn at random once per process. */
  readonly origin?: string | undefined
  /** Told of errors of `sync`. Default: `console.error`. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** The breakers of a registry as plain data. */
export interface RegistrySnapshot {
  readonly version: 1
  readonly breakers: readonly CircuitSnapshot[]
}

class Entry implements RecencyLink<Entry> {
  readonly key: string
  readonly breaker: CircuitBreaker
  /** The registry's period when it was last used. */
  period: number
  older: Entry | undefined
  newer: Entry | undefined
  testimony: Testimony | undefined

  constructor(key: string, breaker: CircuitBreaker, period: number) {
    this.key = key
    this.breaker = breaker
    this.period = period
  }
}

/**
 * A circuit breaker per key, made at first use and bounded in number. A circuit that is open or isolated is never evicted:
 * that would quietly close it. Eviction drops the breaker with its counters and listeners; there is no timer.
 *
 * @example
 * const breakers = new CircuitBreakerRegistry({ defaults: { openMs: 30_000 }, max: 5000 })
 * const permit = breakers.get(host).tryAcquire()
 */
export class CircuitBreakerRegistry implements Iterable<[key: string, breaker: CircuitBreaker]> {
  readonly #entries = new Map<string, Entry>()
  readonly #recency = new RecencyList<Entry>()
  readonly #notClosed = new Set<string>()
  readonly #emitter = new Emitter()
  readonly #policies = new WeakMap<CircuitBreakerOptions, CircuitPolicy>()
  readonly #optionsOf: ((key: string) => CircuitBreakerOptions | undefined) | undefined
  readonly #defaults: CircuitBreakerOptions
  readonly #defaultPolicy: CircuitPolicy
  readonly #host: PolicyHost
  readonly #max: number
  readonly #idleMs: number
  readonly #leaveSync: (() => void) | undefined
  #period = 0
  #periodSince: number

  /** @throws RangeError, TypeError naming the option that cannot be */
  constructor(options: CircuitBreakerRegistryOptions = {}) {
    const { defaults = {}, max = 10_000, idleMs = 3_600_000, maxOpenRatio = 1, quorum = 2 } = options
    const { onError = reportToConsole } = options
    this.#max = checkCount('max', max, 1)
    this.#idleMs = checkPositive('idleMs', idleMs)
    this.#optionsOf = options.options && checkFunction('options', options.options)
    checkShare('maxOpenRatio', maxOpenRatio)
    checkCount('quorum', quorum, 1)
    checkFunction('onError', onError)

    const { origin = defaults.origin } = options
    this.#defaults = { ...defaults, origin }
    this.#host = {
      emitter: this.#emitter,
      mayOpen: () =>
        this.#notClosed.size === 0 || this.#notClosed.size + 1 <= maxOpenRatio * this.#entries.size,
    }
    this.#defaultPolicy = new CircuitPolicy(this.#defaults, this.#host)
    this.#periodSince = this.#now()
    this.#emitter.on('transition', (event) => this.#follow(event))
    if (options.sync) {
      const { publish, leave } = joinSync(options.sync, (record) => this.#hear(record, quorum), onError)
      this.#emitter.on('transition', ({ record }) => record && publish(record))
      this.#leaveSync = leave
    }
  }

  /** The breaker of a key; made now if there is none. */
  get(key: string): CircuitBreaker {
    const entry = this.#entries.get(key) ?? this.#create(key)
    entry.period = this.#period
    this.#recency.use(entry)
    return entry.breaker
  }

  /** The breaker of a key if there is one. Makes none, and does not count as a use: for keys that come from outside. */
  peek(key: string): CircuitBreaker | undefined {
    return this.#entries.get(key)?.breaker
  }

  /** Drops a key, whatever its state. True when there was one. */
  delete(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry) this.#drop(entry)
    return entry !== undefined
  }

  /** How many breakers it holds: at most `max`, and as many more as are open. */
  get size(): number {
    return this.#entries.size
  }

  *[Symbol.iterator](): IterableIterator<[key: string, breaker: CircuitBreaker]> {
    for (const [key, { breaker }] of this.#entries) yield [key, breaker]
  }

  /** Listens to all breakers, those to come too; `event.name` is the key. As `on` of CircuitBreaker otherwise. */
  on<Type extends CircuitEventType>(
    type: Type,
    listener: (event: CircuitEventOf<Type>) => unknown,
    options?: { readonly signal?: AbortSignal | undefined },
  ): () => void {
    return this.#emitter.on(type, listener, options?.signal)
  }

  /** The events of all breakers from now on, to iterate over. Bounded: a slow reader loses the oldest. */
  events(options?: EventStreamOptions): AsyncIterableIterator<CircuitEvent> {
    return eventStream(this.#emitter, options)
  }

  /** Every breaker as plain data. */
  snapshot(): RegistrySnapshot {
    return { version: 1, breakers: Array.from(this, ([, breaker]) => breaker.snapshot()) }
  }

  /**
   * Takes over saved breakers, under their names.
   *
   * @throws TypeError naming the field that is not valid; breakers before it are restored
   */
  restore(snapshot: RegistrySnapshot): void {
    if (!Array.isArray(snapshot?.breakers))
      throw new TypeError('circuit breaker snapshot: "breakers" is not valid')
    for (const breaker of snapshot.breakers) this.get(breaker.name).restore(breaker)
  }

  /** Leaves `sync`. Does nothing more, and nothing the second time; the breakers go on alone. */
  [Symbol.dispose](): void {
    this.#leaveSync?.()
  }

  #create(key: string): Entry {
    this.#turnPeriod()
    this.#makeRoom()
    const options = this.#optionsOf?.(key)
    const entry = new Entry(key, new CircuitBreaker(this.#policyFor(options), key), this.#period)
    this.#entries.set(key, entry)
    this.#recency.add(entry)
    return entry
  }

  #policyFor(options: CircuitBreakerOptions | undefined): CircuitPolicy {
    if (options === undefined) return this.#defaultPolicy
    let policy = this.#policies.get(options)
    if (policy === undefined) {
      policy = new CircuitPolicy({ ...this.#defaults, ...options }, this.#host)
      this.#policies.set(options, policy)
    }
    return policy
  }

  /** Time is kept in periods of `idleMs`, turned by new keys: no clock is read for a key that is known. */
  #turnPeriod(): void {
    const now = this.#now()
    if (now - this.#periodSince < this.#idleMs) return
    this.#period++
    this.#periodSince = now
    for (let left = this.#entries.size; left > 0; left--) {
      const entry = this.#recency.oldest
      if (entry === undefined || !this.#isIdle(entry)) return
      if (!this.#tryEvict(entry)) this.#recency.use(entry)
    }
  }

  #makeRoom(): void {
    for (let step = 0; step < EVICTION_STEPS && this.#entries.size >= this.#max; step++) {
      const entry = this.#recency.oldest
      // One that must stay counts as used, so that the next search begins behind it.
      if (entry && !this.#tryEvict(entry)) this.#recency.use(entry)
    }
  }

  #isIdle(entry: Entry): boolean {
    return entry.period < this.#period - 1
  }

  /** Closed ones may go. Half-open ones too once idle: their open period is long over and no one has asked since. */
  #tryEvict(entry: Entry): boolean {
    const { state } = entry.breaker
    const evict = state === 'closed' || (state === 'half-open' && this.#isIdle(entry))
    if (evict) this.#drop(entry)
    return evict
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.key)
    this.#recency.remove(entry)
    this.#notClosed.delete(entry.key)
  }

  #follow({ name, to }: TransitionEvent): void {
    if (to === 'closed') this.#notClosed.delete(name)
    else if (this.#entries.has(name)) this.#notClosed.add(name)
  }

  #hear(record: TransitionRecord, quorum: number): void {
    const entry = this.#entries.get(record.name)
    // Unknown keys are not made for the asking of others; what concerns us will fail here too.
    if (entry === undefined || record.origin === this.#defaultPolicy.origin) return
    if (record.state === 'open' && !this.#notClosed.has(entry.key) && !this.#host.mayOpen()) return
    entry.testimony ??= new Testimony()
    entry.testimony.hear(record, entry.breaker, quorum, this.#now())
  }

  #now(): number {
    return this.#defaultPolicy.clock.now()
  }
}

const reportToConsole = (error: unknown): void => {
  console.error('circuit-breaker: sharing transitions failed:', error)
}
