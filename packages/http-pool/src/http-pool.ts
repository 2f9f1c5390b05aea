import { ConnectionLedger } from './connection-ledger.ts'
import { createFailure } from './failure.ts'
import {
  resolveHttpPoolOptions,
  type HttpPoolOptions,
  type ResolvedHttpPoolOptions,
} from './http-pool-options.ts'
import type { HttpPoolStats, OriginStats } from './http-pool-stats.ts'
import { NameResolver } from './names/name-resolver.ts'
import { MAX_TIMER_MS } from './phase-timer.ts'
import { PlaceRequest } from './place-request.ts'
import { PooledAgents, type PoolAgents } from './pooled-agents.ts'
import { RelayExchange, type ExchangeEnvironment } from './relay-exchange.ts'
import type { RelayRequest, RelayResponse } from './relay-request.ts'
import { RequestGate } from './request-gate.ts'
import { TargetCache, type RequestTarget } from './request-target.ts'
import type { Reservation, ReservationOptions } from './reservation.ts'
import { RunningList, type Listed } from './running-list.ts'
import type { EndpointTlsOptions } from './tls/pool-tls-options.ts'

/** What {@link HttpPool} ends when it is destroyed. */
interface Running extends Listed {
  fail(reason: 'closed'): void
}

/**
 * Keep-alive connections to any number of origins, bounded, with a timer for every step of a request.
 *
 * {@link relay} is the form for hot paths. Clients that take `node:http` agents ride on the same connections through
 * {@link agents}; `createHttpClient` of `@mreg/http-pool/got` is one. Nothing is followed, decompressed or sent
 * twice unless asked for.
 */
export class HttpPool implements AsyncDisposable {
  /** One agent for each scheme, over which every connection of this pool is made. */
  readonly agents: PoolAgents
  /** The options in force. */
  readonly options: ResolvedHttpPoolOptions
  readonly #agents: PooledAgents
  readonly #ledger = new ConnectionLedger()
  readonly #gate: RequestGate
  readonly #environment: ExchangeEnvironment
  readonly #targets = new TargetCache()
  readonly #running = new RunningList<Running>()
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closed: Promise<void> | undefined

  /** @throws {RangeError} naming the option whose value is out of range. */
  constructor(options: HttpPoolOptions = {}) {
    this.options = resolveHttpPoolOptions(options)
    const { names, lookup } = this.options
    this.#agents = new PooledAgents({
      options: this.options,
      ledger: this.#ledger,
      lookup: lookup ?? new NameResolver(names).lookup,
      routes: this.options.proxy,
      state: () => this.#state,
    })
    this.agents = this.#agents.own
    this.#gate = new RequestGate({
      maxActive: this.options.maxConnections,
      maxActivePerOrigin: this.options.maxConnectionsPerOrigin,
      maxQueuedPerOrigin: this.options.maxQueuedRequestsPerOrigin,
    })
    this.#environment = {
      options: this.options,
      agents: this.#agents,
      ledger: this.#ledger,
      gate: this.#gate,
      onOver: (exchange) => this.#running.delete(exchange),
    }
  }

  /**
   * Sends one request and resolves at the response head; the body follows, with backpressure. The caller reads the body
   * or gives it up. Redirects are responses like any other.
   *
   * @throws {HttpPoolError} see its `reason` and `requestSent`.
   */
  relay(request: RelayRequest): Promise<RelayResponse> {
    let target: RequestTarget
    try {
      target = this.#targets.get(request.url)
      this.#requireOpen(target.origin)
    } catch (error) {
      return refuse(error)
    }
    const exchange = new RelayExchange(this.#environment, request, target)
    this.#running.add(exchange)
    return exchange.start()
  }

  /**
   * Takes a place for a request that the caller sends over {@link agents} with a client of its own, so that the egress
   * policy, the limits, `stats()` and `close()` hold for it too.
   *
   * @throws {HttpPoolError} `invalid_url`, `egress_denied`, `queue_full`, `queue_timeout`, `aborted` or `closed`.
   */
  async reserve(url: URL, options: ReservationOptions = {}): Promise<Reservation> {
    const target = this.#targets.get(url)
    this.#requireOpen(target.origin)
    const place = new PlaceRequest({
      gate: this.#gate,
      egress: this.options.egress,
      url,
      origin: target.origin,
      queueMs: options.queueMs ?? this.options.timeouts.queueMs,
      maxQueued: this.options.maxQueuedRequestsPerOrigin,
      signal: options.signal,
      onOver: () => this.#running.delete(place),
    })
    this.#running.add(place)
    return await place.start()
  }

  /**
   * The agents for requests with TLS of their own: like {@link agents}, but their connections are used for nobody else's.
   * Undefined: the pool's.
   */
  agentsFor(tls: EndpointTlsOptions | undefined): PoolAgents {
    return this.#agents.for(tls)
  }

  /** Counts of this moment, taken from the connections and requests themselves. */
  stats(): HttpPoolStats {
    const origins = new Map<string, OriginStats>()
    for (const [origin, { open, idle }] of this.#ledger.origins) {
      origins.set(origin, { open, idle, active: 0, queued: 0 })
    }
    for (const [origin, places] of this.#gate.origins) {
      const { open = 0, idle = 0 } = origins.get(origin) ?? {}
      origins.set(origin, { open, idle, active: places.active, queued: places.queue.size })
    }
    return {
      open: this.#ledger.open,
      idle: this.#ledger.idle,
      active: this.#gate.active,
      queued: this.#gate.queued,
      origins,
    }
  }

  /**
   * Refuses new requests, closes idle connections, lets what runs or waits finish within `closeTimeoutMs`, and cuts the
   * rest. Resolves when no connection is open. Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#closed ??= this.#drain()
    return this.#closed
  }

  /** Closes the connections that nobody uses: after a sleep of the machine they are dead and have not said so. */
  closeIdle(): void {
    this.#ledger.evictIdle()
  }

  /** Ends every request with `closed` and closes every connection, now. Idempotent. */
  destroy(): void {
    this.#state = 'closed'
    // First, lest the places of those who are cut go to those who wait.
    this.#gate.dismiss()
    for (const running of this.#running) running.fail('closed')
    this.#agents.destroy()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #requireOpen(origin: string): void {
    if (this.#state !== 'open') throw createFailure('closed', { origin, requestSent: false })
  }

  async #drain(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closing'
    this.#ledger.evictIdle()
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.min(this.options.closeTimeoutMs, MAX_TIMER_MS))
    })
    await Promise.race([this.#gate.whenIdle(), deadline])
    clearTimeout(timer)
    this.destroy()
    await this.#ledger.whenEmpty()
  }
}

const refuse = async (error: unknown): Promise<never> => {
  throw error
}
