import { backoff, CircuitBreaker, consecutive } from '@mreg/circuit-breaker'
import { type EventBus, type GatewayEvents, type Logger, silentLogger } from '@mreg/core'
import type { HttpPool } from '@mreg/http-pool'
import {
  createSseTransport,
  createStreamableHttpTransport,
  type UpstreamTransport,
} from '@mreg/mcp-transports'

import type { CredentialSource } from './credential-source.ts'
import type { EndpointTarget } from './endpoint-target.ts'
import { EndpointEra } from './era/endpoint-era.ts'
import { LocalFaults } from './local-faults.ts'
import { probeEndpoint, type ProbeOptions } from './probe-endpoint.ts'
import { withRenewal } from './renewing-transport.ts'
import { StdioServers, type StdioServersOptions } from './stdio/stdio-servers.ts'
import type { StdioState } from './stdio/stdio-state.ts'
import { UpstreamEndpoint } from './upstream-endpoint.ts'
import { UpstreamError } from './upstream-error.ts'

export interface UpstreamsOptions {
  readonly pool: HttpPool
  readonly credentials: CredentialSource
  readonly breaker: { readonly failureThreshold: number; readonly openMs: number; readonly maxOpenMs: number }
  readonly connectTimeoutMs: number
  readonly maxMessageBytes: number
  /** Who we are to servers that are asked which era they speak. Default `mreg`. */
  readonly clientInfo?: ProbeOptions['clientInfo'] | undefined
  /** What bounds servers that are processes, and who we are to them. undefined: none is started here. */
  readonly stdio?: Pick<StdioServersOptions, 'limits' | 'clientInfo'> | undefined
  readonly logger?: Logger | undefined
  /** Is told of each change of a circuit; undefined: nobody is. */
  readonly events?: EventBus<GatewayEvents> | undefined
}

/** How long an endpoint may take to say which era it speaks, in milliseconds. */
const ERA_QUESTION_MS = 10_000

interface Live {
  readonly endpoint: UpstreamEndpoint
  readonly transport: UpstreamTransport
}

/** Everything alive about the endpoints, once in this process: made at first use, made anew when their server changes. */
export class Upstreams implements AsyncDisposable {
  readonly #options: UpstreamsOptions
  readonly #logger: Logger
  readonly #live = new Map<string, Live>()
  readonly #localFaults = new LocalFaults()
  readonly #stdio: StdioServers | undefined

  constructor(options: UpstreamsOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    const { credentials, logger, maxMessageBytes, stdio } = options
    const onLonelyFailure = (endpointId: string): void =>
      this.#live.get(endpointId)?.endpoint.breaker.record('failure')
    this.#stdio =
      stdio && new StdioServers({ ...stdio, credentials, maxMessageBytes, onLonelyFailure, logger })
  }

  /**
   * The live endpoint of `target`.
   *
   * @throws {UpstreamError} `transport_unsupported`.
   */
  endpoint(target: EndpointTarget): UpstreamEndpoint {
    const { id } = target.endpoint
    const known = this.#live.get(id)
    if (known?.endpoint.target.revision === target.revision) return known.endpoint
    const live = this.#open(target)
    this.#live.set(id, live)
    known?.endpoint.retire()
    return live.endpoint
  }

  /** Drops what is alive about an endpoint that is gone. Its listeners are cut; calls under way end by themselves. */
  retire(endpointId: string): void {
    this.#live.get(endpointId)?.endpoint.retire()
    this.#live.delete(endpointId)
    this.#stdio?.retire(endpointId)
  }

  /** What the processes of a `stdio` endpoint are doing here; undefined when it was not used, or is reached by a URL. */
  stdioState(endpointId: string): StdioState | undefined {
    return this.#stdio?.state(endpointId)
  }

  /** The machine has slept: what was connected is dead, and what fails in the next seconds is nobody's fault. */
  wake(): void {
    this.#localFaults.wake()
    this.#options.pool.closeIdle()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#live.values()]
    this.#live.clear()
    await Promise.all(all.map((live) => this.#dispose(live)))
    await this.#stdio?.[Symbol.asyncDispose]()
  }

  #open(target: EndpointTarget): Live {
    const { breaker, credentials, connectTimeoutMs, maxMessageBytes } = this.#options
    const { url } = target.endpoint
    const transport = this.#transport(target)
    const circuit = new CircuitBreaker({
      name: `${target.tenantId}/${target.slug}/${target.endpoint.id}`,
      trip: consecutive(breaker.failureThreshold),
      openMs: backoff({ initialMs: breaker.openMs, maxMs: breaker.maxOpenMs }),
    })
    circuit.on('transition', ({ from, to }) => {
      const { tenantId, serverId, slug } = target
      this.#options.events?.emit('circuit-changed', {
        tenantId,
        serverId,
        slug,
        endpointId: target.endpoint.id,
        from,
        to,
      })
    })
    const endpoint: UpstreamEndpoint = new UpstreamEndpoint({
      target,
      transport,
      breaker: circuit,
      credentials,
      connectTimeoutMs,
      maxMessageBytes,
      era: this.#era(transport.kind, () => this.#askEra(endpoint)),
      faults: this.#localFaults.of(url),
    })
    return { transport, endpoint }
  }

  #era(kind: UpstreamTransport['kind'], ask: () => Promise<void>): EndpointEra {
    if (kind !== 'sse') return new EndpointEra({ ask, prefersModern: kind === 'stdio' })
    // The transport is older than the newer era, and is never asked.
    const era = new EndpointEra()
    era.learn({ modern: false, legacy: true })
    return era
  }

  /** What is open is left alone: the circuit says when it is tried again. */
  async #askEra(endpoint: UpstreamEndpoint): Promise<void> {
    if (endpoint.breaker.state !== 'closed') return
    const { clientInfo = { name: 'mreg', version: '0.0.0' } } = this.#options
    await probeEndpoint(endpoint, { timeoutMs: ERA_QUESTION_MS, clientInfo, isRoutine: true })
  }

  #transport(target: EndpointTarget): UpstreamTransport {
    const { transport: kind, url } = target.endpoint
    if (kind === 'stdio' && this.#stdio !== undefined) return this.#stdio.server(target)
    if (kind !== 'stdio' && url !== undefined) {
      const { credentials, maxMessageBytes, pool } = this.#options
      const address = new URL(url)
      const transport =
        kind === 'sse'
          ? createSseTransport({ pool, url: address, maxMessageBytes })
          : createStreamableHttpTransport({ pool, url: address })
      return withRenewal(transport, target, credentials)
    }
    throw new UpstreamError('transport_unsupported', `the transport ${kind} cannot be used by this gateway`, {
      requestSent: false,
    })
  }

  async #dispose({ transport, endpoint }: Live): Promise<void> {
    try {
      await transport[Symbol.asyncDispose]()
    } catch (error) {
      this.#logger.warn('an endpoint did not close cleanly', { server: endpoint.target.slug, error })
    }
  }
}
