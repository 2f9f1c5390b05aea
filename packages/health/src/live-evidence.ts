import { type Logger, type ServerStatus, silentLogger } from '@mreg/core'
import type { Witnessed } from '@mreg/repositories'
import type { EndpointTarget } from '@mreg/upstream'

import type { ProbedServer } from './health-recorder.ts'

export interface LiveEvidenceOptions {
  /** How an endpoint is doing, as far as this process knows. Must be quick. */
  readonly statusOf: (endpointId: string) => ServerStatus
  /** Keeps what was seen of each endpoint. */
  readonly keep: (seen: ReadonlyMap<string, ProbedServer & Witnessed>) => Promise<void>
  /** Between two times that something is kept, in milliseconds. Default 1,000. */
  readonly intervalMs?: number | undefined
  readonly logger?: Logger | undefined
}

const DEFAULT_INTERVAL_MS = 1_000

/** Endpoints at most that wait to be kept; what is seen of others meanwhile is dropped, and will be seen again. */
const MAX_PENDING = 10_000

/**
 * What clients see of endpoints, for what is known of their health: a failure or a success reaches it within a second,
 * without waiting for a probe. Almost all exchanges say what is known already, and cost a look into a map. Of what says something
 * else, one observation per endpoint and interval is kept, the last one.
 */
export class LiveEvidence implements AsyncDisposable {
  readonly #options: LiveEvidenceOptions
  readonly #logger: Logger
  readonly #pending = new Map<string, ProbedServer & Witnessed>()
  /** Endpoints whose last observation that was kept is a failure. */
  readonly #failed = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #keeping: Promise<void> = Promise.resolve()
  #ended = false

  constructor(options: LiveEvidenceOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** An exchange with `target` went well, or failed in a way that is the endpoint's fault. */
  note({ endpoint, tenantId, serverId }: EndpointTarget, works: boolean): void {
    const { id: endpointId, transport } = endpoint
    // Of a process its owner knows more than that.
    if (transport === 'stdio' || this.#ended) return
    const isNews = works
      ? this.#failed.has(endpointId) || this.#pending.has(endpointId) || this.#isKnownAsUnhealthy(endpointId)
      : !this.#isKnownAsUnhealthy(endpointId)
    if (!isNews || (this.#pending.size >= MAX_PENDING && !this.#pending.has(endpointId))) return
    this.#pending.set(endpointId, { endpointId, tenantId, serverId, works })
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#keeping = this.#keep()
    }, this.#options.intervalMs ?? DEFAULT_INTERVAL_MS)
    this.#timer.unref()
  }

  /** Ends; what is being kept is waited for, what waits is dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    clearTimeout(this.#timer)
    this.#pending.clear()
    await this.#keeping
  }

  #isKnownAsUnhealthy(endpointId: string): boolean {
    return this.#options.statusOf(endpointId) === 'unhealthy'
  }

  async #keep(): Promise<void> {
    const seen = new Map(this.#pending)
    this.#pending.clear()
    for (const [endpointId, { works }] of seen) {
      this.#failed.delete(endpointId)
      if (!works && this.#failed.size < MAX_PENDING) this.#failed.add(endpointId)
    }
    try {
      await this.#options.keep(seen)
    } catch (error) {
      this.#logger.debug('what was seen in traffic could not be kept', { error })
    }
  }
}
