import { type EndpointProbe, type Logger, silentLogger } from '@mreg/core'
import type { EndpointTarget } from '@mreg/upstream'

import type { ProbedServer } from './health-recorder.ts'

export interface HealthMonitorOptions {
  /** The endpoints to watch, as they are now. Asked at each tick. */
  readonly targets: () => Iterable<EndpointTarget>
  /** Asks one endpoint. Never throws for what the endpoint does. */
  readonly probe: (target: EndpointTarget, signal: AbortSignal) => Promise<EndpointProbe>
  /** Keeps what was found. */
  readonly record: (server: ProbedServer, probes: readonly EndpointProbe[]) => Promise<void>
  /** Between probes of an endpoint that works, in milliseconds. */
  readonly intervalMs: number
  /** Between probes of one that does not, in milliseconds. */
  readonly unhealthyIntervalMs: number
  /** Probes under way at once. */
  readonly maxConcurrentProbes: number
  readonly logger?: Logger | undefined
  /** Milliseconds of a clock that never goes back. Default `performance.now`. */
  readonly now?: (() => number) | undefined
  /** From 0 up to 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined
}

/** How often it looks what is due, in milliseconds. */
const TICK_MS = 500

/** Intervals differ by so much up or down, so that probes do not come in waves. */
const JITTER = 0.2

/**
 * Watches endpoints: asks each one at its interval, more often while it does not work, and keeps what was
 * found. Its first round is spread over one interval; whoever registers a server probes it at once.
 */
export class HealthMonitor implements AsyncDisposable {
  readonly #options: HealthMonitorOptions
  readonly #logger: Logger
  readonly #now: () => number
  readonly #random: () => number
  readonly #ending = new AbortController()
  readonly #due = new Map<string, number>()
  readonly #underWay = new Map<string, Promise<void>>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: HealthMonitorOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#now = options.now ?? (() => performance.now())
    this.#random = options.random ?? Math.random
  }

  /** Begins to watch. */
  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  /** Asks everything again, soon but not all at once: what was known before is not worth much any more. */
  startOver(): void {
    for (const id of this.#due.keys())
      this.#due.set(id, this.#now() + this.#random() * this.#options.unhealthyIntervalMs)
  }

  /** Stops; probes under way are cut short. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#ending.abort()
    await Promise.all(this.#underWay.values())
  }

  #tick(): void {
    const now = this.#now()
    const seen = new Set<string>()
    for (const target of this.#options.targets()) {
      const { id } = target.endpoint
      seen.add(id)
      const dueAt = this.#due.get(id)
      if (dueAt === undefined) {
        this.#due.set(id, now + this.#random() * this.#options.intervalMs)
      } else if (
        dueAt <= now &&
        !this.#underWay.has(id) &&
        this.#underWay.size < this.#options.maxConcurrentProbes
      ) {
        this.#underWay.set(id, this.#probe(target))
      }
    }
    for (const id of this.#due.keys()) if (!seen.has(id)) this.#due.delete(id)
  }

  async #probe(target: EndpointTarget): Promise<void> {
    const { probe, record, intervalMs, unhealthyIntervalMs } = this.#options
    const { id } = target.endpoint
    let nextMs = unhealthyIntervalMs
    try {
      const found = await probe(target, this.#ending.signal)
      if (this.#ending.signal.aborted) return
      if (found.status !== 'unhealthy') nextMs = intervalMs
      await record({ tenantId: target.tenantId, serverId: target.serverId }, [found])
    } catch (error) {
      this.#logger.warn('the result of a probe could not be kept', { server: target.slug, error })
    } finally {
      this.#underWay.delete(id)
      this.#due.set(id, this.#now() + nextMs * (1 - JITTER + 2 * JITTER * this.#random()))
    }
  }
}
