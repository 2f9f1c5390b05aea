import type { CircuitBreaker } from '@mreg/circuit-breaker'
import type { ServerStatus } from '@mreg/core'
import {
  type UpstreamEvent,
  type UpstreamReply,
  type UpstreamRequest,
  type UpstreamStreamReply,
  type UpstreamTransport,
} from '@mreg/mcp-transports'

import {
  type Call,
  isAnswer,
  notAnswered,
  openError,
  pacedError,
  refused,
  release,
  truncated,
} from './circuit/call.ts'
import type { EndpointCircuit } from './circuit/circuits.ts'
import { fitness, type Fitness, HealthVerdict } from './circuit/fitness.ts'
import { isRepeatable } from './circuit/repeatable.ts'
import type { CredentialSource, HeaderPair } from './credential-source.ts'
import type { EndpointRequest } from './endpoint-request.ts'
import type { EndpointStanding } from './endpoint-standing.ts'
import type { EndpointTarget } from './endpoint-target.ts'
import { EndpointEra } from './era/endpoint-era.ts'
import { learnFromRefusal } from './era/learn-from-refusal.ts'
import type { EndpointFaults } from './local-faults.ts'
import { ProbeSession } from './probe-session.ts'
import { refuseStatus } from './refuse-status.ts'
import { StdioServer } from './stdio/stdio-server.ts'
import { UpstreamError } from './upstream-error.ts'
import { asUpstreamError, countsAgainstEndpoint, isOverrun } from './upstream-failure.ts'

export interface UpstreamEndpointOptions {
  readonly target: EndpointTarget
  readonly transport: UpstreamTransport
  /** For requests with everybody's credentials. */
  readonly circuit: EndpointCircuit
  /** For requests with the credentials of one principal. undefined: there are none. */
  readonly circuitOf?: ((scope: string) => EndpointCircuit) | undefined
  /** What probes said of it so far. undefined: nothing. */
  readonly health?: HealthVerdict | undefined
  readonly credentials: CredentialSource
  readonly connectTimeoutMs: number
  readonly maxMessageBytes: number
  /** What is known of the protocol that it speaks. undefined: nothing, and it is not asked. */
  readonly era?: EndpointEra | undefined
  /** Which failures are not the endpoint's fault but ours. undefined: none. */
  readonly faults?: EndpointFaults | undefined
  /** Is told of each exchange with a client whether the endpoint did what it should. Must be quick. undefined: nobody is. */
  readonly witness?: ((works: boolean) => void) | undefined
  /** Finds out aside whether the endpoint works. It does not matter whether it does. undefined: it cannot be. */
  readonly check?: (() => void) | undefined
}

/** For a stream that may be silent, and may last. */
const NO_END = { idleMs: Number.POSITIVE_INFINITY, totalMs: Number.POSITIVE_INFINITY }

/** The only way to an endpoint: its credentials, its circuit breaker, and the reading of its failures. */
export class UpstreamEndpoint {
  readonly target: EndpointTarget
  readonly breaker: CircuitBreaker
  /** Which eras of the protocol it speaks, as far as that is known. */
  readonly era: EndpointEra
  /** Where routine probes ask, of an endpoint that speaks the older era. */
  readonly probeSession: ProbeSession
  readonly #transport: UpstreamTransport
  readonly #credentials: CredentialSource
  readonly #connectTimeoutMs: number
  readonly #maxMessageBytes: number
  readonly #faults: EndpointFaults | undefined
  readonly #witness: UpstreamEndpointOptions['witness']
  readonly #circuit: EndpointCircuit
  readonly #health: HealthVerdict
  readonly #circuitOf: ((scope: string) => EndpointCircuit) | undefined
  /** Those with calls that ran past their deadline since their last good answer. */
  readonly #overrun = new Set<EndpointCircuit>()
  readonly #check: (() => void) | undefined
  readonly #retired = new AbortController()

  constructor(options: UpstreamEndpointOptions) {
    this.target = options.target
    this.breaker = options.circuit.breaker
    this.#circuit = options.circuit
    this.#circuitOf = options.circuitOf
    this.#check = options.check
    this.#health = options.health ?? new HealthVerdict()
    this.era = options.era ?? new EndpointEra()
    this.#transport = options.transport
    this.#credentials = options.credentials
    this.#connectTimeoutMs = options.connectTimeoutMs
    this.#maxMessageBytes = options.maxMessageBytes
    this.#faults = options.faults
    this.#witness = options.witness
    this.probeSession = new ProbeSession(this)
  }

  /**
   * Sends one message through the circuit breaker.
   *
   * Transport errors, time-outs and 5xx count against the endpoint; JSON-RPC errors, 4xx and the
   * caller's own abort do not, and neither does a tool that runs past its deadline.
   *
   * @throws {UpstreamError} for everything that keeps the protocol from going on.
   */
  async send(request: EndpointRequest): Promise<UpstreamReply> {
    const circuit = this.#circuitFor(request.principalId)
    const { breaker, pace } = circuit
    if (pace.waitMs > 0) throw refused(request, pacedError(pace.waitMs))
    const permit = breaker.tryAcquire()
    if (permit === null) throw refused(request, openError(breaker.retryAfterMs))
    const call: Call = { circuit, permit, request }
    try {
      return this.#judge(await this.#transport.send(this.#wire(request)), call)
    } catch (error) {
      throw this.#failure(error, call)
    }
  }

  /**
   * Opens the stream on which the endpoint speaks unasked. It takes no part in the circuit: it may be
   * silent for hours. It is cut when the endpoint is retired.
   *
   * @throws {UpstreamError} as `send` does; a server that offers no such stream answers 405, which is a reply.
   */
  async listen(request: EndpointRequest): Promise<UpstreamReply> {
    const { signal = this.#retired.signal } = request
    try {
      const wire = this.#wire({ ...request, signal: AbortSignal.any([signal, this.#retired.signal]) })
      const reply = await this.#transport.listen({
        ...wire,
        lastEventId: request.lastEventId,
        timeouts: { ...wire.timeouts, ...NO_END },
      })
      return withMessages(refuseStatus(reply), (messages) => translated(messages))
    } catch (error) {
      throw asUpstreamError(error)
    }
  }

  /** Tells the endpoint that a session is over. Short: nobody waits for it. */
  async endSession(
    sessionId: string,
    protocolVersion: string,
    signal?: AbortSignal,
    principalId?: string,
  ): Promise<void> {
    try {
      await this.#transport.endSession({
        sessionId,
        principalId,
        protocolVersion,
        signal,
        headers: this.#credentialHeaders(principalId),
      })
    } catch (error) {
      throw asUpstreamError(error)
    }
  }

  /** The server behind it, when that is a process; undefined when it is reached by a URL. */
  get stdio(): StdioServer | undefined {
    return this.#transport instanceof StdioServer ? this.#transport : undefined
  }

  /**
   * Whether it is a good choice for a request now. Asking may have a half-open circuit looked after.
   *
   * @param principalId whose request it is; undefined: the gateway's own.
   */
  fitnessFor(principalId?: string): Fitness {
    const circuit = this.#circuitFor(principalId)
    const found = fitness(circuit, this.#health)
    // Also of one that was called unfit: while others take its calls, nothing but a routine probe would find out more.
    if (found !== 'good' && circuit.breaker.state === 'half-open' && circuit.pace.waitMs === 0)
      this.#check?.()
    return found
  }

  /**
   * The same with all that it rests on. Asking changes nothing.
   *
   * @param principalId whose request it would be; undefined: the gateway's own.
   */
  standingFor(principalId?: string): EndpointStanding {
    const circuit = this.#circuitFor(principalId)
    return {
      fitness: fitness(circuit, this.#health),
      circuit: circuit.breaker.state,
      retryAfterMs: Math.ceil(circuit.breaker.retryAfterMs),
      paceMs: Math.ceil(circuit.pace.waitMs),
      status: this.#health.status,
      eras: { legacy: this.era.peek('legacy'), modern: this.era.peek('modern'), ageMs: this.era.ageMs },
    }
  }

  /**
   * Takes over what a probe found. A good one closes the circuit at once; a bad one turns calls that ran past their deadline
   * since the last answer into failures.
   *
   * @returns whether it is well again, after it was not.
   */
  learnStatus(status: ServerStatus): boolean {
    const wasUnfit = this.#health.isUnfit
    this.#health.learn(status)
    if (status === 'unhealthy') this.overrunsFailed()
    else if (status === 'healthy' && this.breaker.state !== 'closed') this.breaker.reset()
    return wasUnfit && !this.#health.isUnfit
  }

  /** A probe has failed: what ran past its deadline was not only slow. */
  overrunsFailed(): void {
    for (const circuit of this.#overrun) {
      for (let count = 0; count < circuit.overruns; count += 1) circuit.breaker.record('failure')
      circuit.overruns = 0
    }
    this.#overrun.clear()
  }

  /** The endpoint is gone, or made anew: nobody listens to this one any more. Calls under way end by themselves. */
  retire(): void {
    this.#retired.abort()
    void this.probeSession.retire()
  }

  /** Sends past the circuit breaker, for a probe: to ask whether it may close again. */
  async sendProbe(request: EndpointRequest): Promise<UpstreamReply> {
    try {
      return refuseStatus(await this.#transport.send(this.#wire(request)))
    } catch (error) {
      throw asUpstreamError(error)
    }
  }

  #wire(request: EndpointRequest): UpstreamRequest {
    return {
      message: request.message,
      method: request.method,
      protocolVersion: request.protocolVersion,
      sessionId: request.sessionId,
      principalId: request.principalId,
      headers: [...(request.headers ?? []), ...this.#credentialHeaders(request.principalId)],
      signal: request.signal,
      retryable: isRepeatable(request.method),
      timeouts: {
        connectMs: this.#connectTimeoutMs,
        headersMs: request.timeoutMs,
        idleMs: request.timeoutMs,
        totalMs: request.timeoutMs,
      },
      maxMessageBytes: this.#maxMessageBytes,
    }
  }

  #credentialHeaders(principalId: string | undefined): readonly HeaderPair[] {
    try {
      return this.#credentials.headersFor(this.target, principalId)
    } catch (error) {
      throw new UpstreamError('credentials_unavailable', 'the credentials of the server cannot be opened', {
        cause: error,
        requestSent: false,
      })
    }
  }

  #circuitFor(principalId: string | undefined): EndpointCircuit {
    if (principalId === undefined || this.#circuitOf === undefined) return this.#circuit
    const scope = this.#credentials.scopeFor?.(this.target, principalId) ?? ''
    return scope === '' ? this.#circuit : this.#circuitOf(scope)
  }

  #judge(reply: UpstreamReply, call: Call): UpstreamReply {
    const { circuit, permit, request } = call
    this.#faults?.answered()
    if (reply.kind === 'refused') {
      learnFromRefusal(this.era, reply, request.protocolVersion)
      if (reply.status === 429) circuit.pace.leaveAlone(reply.retryAfterMs)
      if (reply.status < 500) this.#succeed(call)
      return refuseStatus(reply)
    }
    if (reply.kind !== 'stream') {
      if (!isAnswer(reply, request)) throw notAnswered()
      // The round trip worked; what is inside is between the client and the server.
      this.#succeed(call)
      return reply
    }
    // A stream may still break, but a probe does not wait for that: it may go on for long, and others would be refused.
    if (permit.probe) permit.success()
    return withMessages(
      reply,
      (messages) => this.#watch(messages, reply, call),
      () => release(call),
    )
  }

  /** A stream that breaks after its head counts against the endpoint as well. */
  async *#watch(
    messages: AsyncIterable<UpstreamEvent>,
    { position }: UpstreamStreamReply,
    call: Call,
  ): AsyncGenerator<UpstreamEvent, void, undefined> {
    const { circuit, permit, request } = call
    const { examine } = request
    let isHeard = false
    let isBroken = false
    let isAnswered = examine === undefined
    try {
      for await (const event of translated(messages)) {
        isHeard = true
        if (examine?.(event.message) === true) {
          isAnswered = true
          this.#succeed(call)
        }
        yield event
      }
      // A stream that can be gone on with may end before the response: its client is to poll.
      if (!isAnswered && position.lastEventId === undefined) throw truncated()
    } catch (error) {
      isBroken = true
      const failure = asUpstreamError(error)
      if (permit.probe && this.#counts(failure, request)) circuit.breaker.record('failure')
      this.#failure(failure, call)
      throw error
    } finally {
      // Ended, or given up by whoever read it.
      if (isHeard && !isBroken) this.#succeed(call)
      else release(call)
    }
  }

  #succeed({ circuit, permit, request }: Call): void {
    circuit.overruns = 0
    this.#witness?.(true)
    permit.success()
    request.lease?.success()
  }

  #failure(error: unknown, call: Call): UpstreamError {
    const { circuit, permit, request } = call
    const failure = asUpstreamError(error)
    if (this.#counts(failure, request)) {
      this.#witness?.(false)
      permit.settle(failure)
      request.lease?.failure()
    } else {
      if (isOverrun(failure, request.method)) {
        // It may be slow, or the endpoint hangs: a probe tells.
        circuit.overruns += 1
        this.#overrun.add(circuit)
        this.#check?.()
        request.lease?.failure()
      }
      release(call)
    }
    return failure
  }

  #counts(failure: UpstreamError, { method }: EndpointRequest): boolean {
    return countsAgainstEndpoint(failure, method) && this.#faults?.excuses(failure) !== true
  }
}

/** The reply with its messages seen through `wrap`, if it is a stream. */
const withMessages = (
  reply: UpstreamReply,
  wrap: (messages: AsyncIterable<UpstreamEvent>) => AsyncIterable<UpstreamEvent>,
  onCancel?: () => void,
): UpstreamReply => {
  if (reply.kind !== 'stream') return reply
  const { kind, status, sessionId, position } = reply
  const cancel = (): void => {
    reply.cancel()
    onCancel?.()
  }
  return { kind, status, sessionId, position, cancel, messages: wrap(reply.messages) }
}

async function* translated(
  messages: AsyncIterable<UpstreamEvent>,
): AsyncGenerator<UpstreamEvent, void, undefined> {
  try {
    yield* messages
  } catch (error) {
    throw asUpstreamError(error)
  }
}
