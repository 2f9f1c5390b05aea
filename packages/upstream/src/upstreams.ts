import type { TransitionEvent } from '@mreg/circuit-breaker'
import { type EventBus, type GatewayEvents, type Logger, type ServerStatus, silentLogger } from '@mreg/core'
import type { HttpPool } from '@mreg/http-pool'
import {
  createSseTransport,
  createStreamableHttpTransport,
  type UpstreamTransport,
} from '@mreg/mcp-transports'

import { Circuits, type CircuitsOptions, type EndpointCircuit } from './circuit/circuits.ts'
import { HealthVerdict, isUnfit } from './circuit/fitness.ts'
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
  readonly breaker: CircuitsOptions['breaker']
  /** What other processes and those before this one know of circuits. Default: nothing is shared or saved. */
  readonly circuits?: Pick<CircuitsOptions, 'sync' | 'saved' | 'origin'> | undefined
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

/** At least so long lies between two looks at an endpoint that nobody waits for, in milliseconds. */
const CHECK_PAUSE_MS = 1000

interface Live {
  readonly endpoint: UpstreamEndpoint
  readonly circuit: EndpointCircuit
  readonly transport: UpstreamTransport
}

/** Everything alive about the endpoints, once in this process: made at first use, made anew when their server changes. */
export class Upstreams implements AsyncDisposable {
  readonly #options: UpstreamsOptions
  readonly #logger: Logger
  readonly #live = new Map<string, Live>()
  /** What probes said of endpoints, however often they are made anew. */
  readonly #verdicts = new Map<string, HealthVerdict>()
  readonly #localFaults = new LocalFaults()
  readonly #stdio: StdioServers | undefined
  readonly #circuits: Circuits
  #witness: ((target: EndpointTarget, works: boolean) => void) | undefined

  constructor(options: UpstreamsOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    const { breaker, circuits, credentials, logger, maxMessageBytes, stdio } = options
    const onError = (error: unknown): void =>
      this.#logger.warn('the state of circuits could not be shared', { error })
    this.#circuits = new Circuits({ breaker, ...circuits, onError })
    this.#circuits.onTransition((event, circuit) => this.#moved(event, circuit))
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
    if (known !== undefined) {
      known.endpoint.retire()
      if (known.circuit !== live.circuit) {
        // Another address, or other credentials: what was found before says nothing of it.
        this.#circuits.forget(id, live.circuit)
        this.#verdictOf(id).learn('unknown')
      }
    }
    return live.endpoint
  }

  /** All circuits of the endpoints in use. */
  get circuits(): Circuits {
    return this.#circuits
  }

  /**
   * Takes over what a probe found, here or elsewhere, of an endpoint that is registered. One that is not in use here is not
   * made for it; what is bad is remembered for its first use.
   */
  learnStatus(endpointId: string, status: ServerStatus): void {
    const endpoint = this.#live.get(endpointId)?.endpoint
    if (endpoint?.learnStatus(status) === true) this.#recovered(endpoint.target)
    if (endpoint === undefined && (isUnfit(status) || this.#verdicts.has(endpointId)))
      this.#verdictOf(endpointId).learn(status)
  }

  /** Drops what is alive about an endpoint that is gone. Its listeners are cut; calls under way end by themselves. */
  retire(endpointId: string): void {
    const known = this.#live.get(endpointId)
    known?.endpoint.retire()
    this.#circuits.forget(endpointId)
    this.#live.delete(endpointId)
    this.#verdicts.delete(endpointId)
    this.#stdio?.retire(endpointId)
  }

  /** Whose credentials a principal's requests to `target` go out with; see {@link CredentialSource.scopeFor}. */
  credentialScope(target: EndpointTarget, principalId: string): string {
    return this.#options.credentials.scopeFor?.(target, principalId) ?? ''
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

  /** Calls `witness`, and no other, with how each exchange of a client with an endpoint went. It must be quick. */
  witnessedBy(witness: (target: EndpointTarget, works: boolean) => void): void {
    this.#witness = witness
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#live.values()]
    this.#live.clear()
    this.#circuits[Symbol.dispose]()
    await Promise.all(all.map(({ endpoint }) => endpoint.probeSession.retire()))
    await Promise.all(all.map((live) => this.#dispose(live)))
    await this.#stdio?.[Symbol.asyncDispose]()
  }

  #open(target: EndpointTarget): Live {
    const { credentials, connectTimeoutMs, maxMessageBytes } = this.#options
    const { url } = target.endpoint
    const transport = this.#transport(target)
    const circuit = this.#circuits.of(target)
    const endpoint: UpstreamEndpoint = new UpstreamEndpoint({
      target,
      transport,
      circuit,
      circuitOf: (scope) => this.#circuits.of(target, scope),
      health: this.#verdictOf(target.endpoint.id),
      credentials,
      connectTimeoutMs,
      maxMessageBytes,
      era: this.#era(transport.kind, () => this.#askEra(endpoint)),
      faults: this.#localFaults.of(url),
      witness: (works) => this.#witness?.(target, works),
      // A process is not asked: it answers its calls, or it has ended.
      check: transport.kind === 'stdio' ? undefined : this.#checking(() => endpoint),
    })
    return { transport, endpoint, circuit }
  }

  #verdictOf(endpointId: string): HealthVerdict {
    let verdict = this.#verdicts.get(endpointId)
    if (verdict === undefined) {
      verdict = new HealthVerdict()
      this.#verdicts.set(endpointId, verdict)
    }
    return verdict
  }

  #moved({ from, to }: TransitionEvent, { endpointId }: EndpointCircuit): void {
    const target = this.#live.get(endpointId)?.endpoint.target
    if (target === undefined) return
    const { tenantId, serverId, slug } = target
    this.#options.events?.emit('circuit-changed', { tenantId, serverId, slug, endpointId, from, to })
    if (to === 'closed') this.#recovered(target)
  }

  #recovered({ endpoint, serverId, slug, tenantId }: EndpointTarget): void {
    this.#options.events?.emit('endpoint-recovered', { tenantId, serverId, slug, endpointId: endpoint.id })
  }

  /** Asks whether an endpoint works, one question at a time and not all the time. A good answer closes its circuit. */
  #checking(endpoint: () => UpstreamEndpoint): () => void {
    let asking: Promise<void> | undefined
    let askedAt = Number.NEGATIVE_INFINITY
    const ask = async (): Promise<void> => {
      const asked = endpoint()
      const { status } = await probeEndpoint(asked, this.#probeOptions)
      if (status === 'unhealthy') asked.overrunsFailed()
      // Newer than what was found before, here or elsewhere, of what is still there.
      else if (status === 'healthy' && this.#live.get(asked.target.endpoint.id)?.endpoint === asked)
        this.learnStatus(asked.target.endpoint.id, status)
      asking = undefined
    }
    return () => {
      if (asking !== undefined || performance.now() - askedAt < CHECK_PAUSE_MS) return
      askedAt = performance.now()
      asking = ask()
    }
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
    await probeEndpoint(endpoint, this.#probeOptions)
  }

  get #probeOptions(): ProbeOptions {
    const { clientInfo = { name: 'mreg', version: '0.0.0' } } = this.#options
    return { timeoutMs: ERA_QUESTION_MS, clientInfo, isRoutine: true }
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
