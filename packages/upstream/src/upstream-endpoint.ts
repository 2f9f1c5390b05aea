import type { CircuitBreaker, Permit } from '@mreg/circuit-breaker'
import {
  type UpstreamEvent,
  type UpstreamReply,
  type UpstreamRequest,
  type UpstreamTransport,
} from '@mreg/mcp-transports'

import type { CredentialSource, HeaderPair } from './credential-source.ts'
import type { EndpointTarget } from './endpoint-target.ts'
import { EndpointEra } from './era/endpoint-era.ts'
import { learnFromRefusal } from './era/learn-from-refusal.ts'
import type { EndpointFaults } from './local-faults.ts'
import { refuseStatus } from './refuse-status.ts'
import { StdioServer } from './stdio/stdio-server.ts'
import { UpstreamError } from './upstream-error.ts'
import { asUpstreamError, countsAgainstEndpoint } from './upstream-failure.ts'

/** One message for an endpoint. */
export interface EndpointRequest {
  /** The bytes of one JSON-RPC message; empty for `listen` and `endSession`. */
  readonly message: Uint8Array
  /** Its method; undefined for a response. Decides what may be tried again and what counts as a failure. */
  readonly method: string | undefined
  readonly sessionId?: string | undefined
  /** Whose request it is; decides which process of a `stdio` endpoint gets it. */
  readonly principalId?: string | undefined
  readonly protocolVersion?: string | undefined
  /** Further headers, such as `mcp-method`. */
  readonly headers?: readonly HeaderPair[] | undefined
  readonly lastEventId?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** The longest that the whole exchange may take, in milliseconds; for `listen`, until the stream begins. */
  readonly timeoutMs: number
}

export interface UpstreamEndpointOptions {
  readonly target: EndpointTarget
  readonly transport: UpstreamTransport
  readonly breaker: CircuitBreaker
  readonly credentials: CredentialSource
  readonly connectTimeoutMs: number
  readonly maxMessageBytes: number
  /** What is known of the protocol that it speaks. undefined: nothing, and it is not asked. */
  readonly era?: EndpointEra | undefined
  /** Which failures are not the endpoint's fault but ours. undefined: none. */
  readonly faults?: EndpointFaults | undefined
}

/** Methods that change nothing, so that a connection which was closed under them may be tried once more. */
const REPEATABLE =
  /^(initialize|ping|server\/discover|completion\/complete|(tools|prompts|resources|resources\/templates)\/list|(prompts\/get|resources\/read))$/u

/** For a stream that may be silent, and may last. */
const NO_END = { idleMs: Number.POSITIVE_INFINITY, totalMs: Number.POSITIVE_INFINITY }

/** The only way to an endpoint: its credentials, its circuit breaker, and the reading of its failures. */
export class UpstreamEndpoint {
  readonly target: EndpointTarget
  readonly breaker: CircuitBreaker
  /** Which eras of the protocol it speaks, as far as that is known. */
  readonly era: EndpointEra
  readonly #transport: UpstreamTransport
  readonly #credentials: CredentialSource
  readonly #connectTimeoutMs: number
  readonly #maxMessageBytes: number
  readonly #faults: EndpointFaults | undefined
  readonly #retired = new AbortController()

  constructor(options: UpstreamEndpointOptions) {
    this.target = options.target
    this.breaker = options.breaker
    this.era = options.era ?? new EndpointEra()
    this.#transport = options.transport
    this.#credentials = options.credentials
    this.#connectTimeoutMs = options.connectTimeoutMs
    this.#maxMessageBytes = options.maxMessageBytes
    this.#faults = options.faults
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
    const permit = this.breaker.tryAcquire()
    if (permit === null) {
      throw new UpstreamError('circuit_open', 'the server failed repeatedly and is not tried at the moment', {
        retryAfterMs: Math.ceil(this.breaker.retryAfterMs),
        requestSent: false,
      })
    }
    try {
      return this.#judge(await this.#transport.send(this.#wire(request)), permit, request)
    } catch (error) {
      throw this.#failure(error, permit, request)
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
        headers: this.#credentialHeaders(),
      })
    } catch (error) {
      throw asUpstreamError(error)
    }
  }

  /** The server behind it, when that is a process; undefined when it is reached by a URL. */
  get stdio(): StdioServer | undefined {
    return this.#transport instanceof StdioServer ? this.#transport : undefined
  }

  /** The endpoint is gone, or made anew: nobody listens to this one any more. Calls under way end by themselves. */
  retire(): void {
    this.#retired.abort()
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
      headers: [...(request.headers ?? []), ...this.#credentialHeaders()],
      signal: request.signal,
      retryable: request.method !== undefined && REPEATABLE.test(request.method),
      timeouts: {
        connectMs: this.#connectTimeoutMs,
        headersMs: request.timeoutMs,
        idleMs: request.timeoutMs,
        totalMs: request.timeoutMs,
      },
      maxMessageBytes: this.#maxMessageBytes,
    }
  }

  #credentialHeaders(): readonly HeaderPair[] {
    try {
      return this.#credentials.headersFor(this.target)
    } catch (error) {
      throw new UpstreamError('credentials_unavailable', 'the credentials of the server cannot be opened', {
        cause: error,
        requestSent: false,
      })
    }
  }

  #judge(reply: UpstreamReply, permit: Permit, request: EndpointRequest): UpstreamReply {
    this.#faults?.answered()
    if (reply.kind === 'refused') learnFromRefusal(this.era, reply, request.protocolVersion)
    if (reply.kind === 'refused' && reply.status >= 500) permit.failure()
    // The round trip worked; what is inside is between the client and the server. A stream may still break,
    // but a probe does not wait for that: it may go on for long, and others would be refused meanwhile.
    else if (reply.kind !== 'stream' || permit.probe) permit.success()
    return withMessages(refuseStatus(reply), (messages) => this.#watch(messages, permit, request))
  }

  /** A stream that breaks after its head counts against the endpoint as well. */
  async *#watch(
    messages: AsyncIterable<UpstreamEvent>,
    permit: Permit,
    request: EndpointRequest,
  ): AsyncGenerator<UpstreamEvent, void, undefined> {
    let heard = false
    try {
      for await (const event of translated(messages)) {
        heard = true
        yield event
      }
    } catch (error) {
      if (this.#counts(error, request)) {
        if (permit.probe) this.breaker.record('failure')
        else permit.failure(error)
      }
      throw error
    } finally {
      // Ended, or given up by whoever read it.
      if (heard) permit.success()
      else permit.release()
    }
  }

  #failure(error: unknown, permit: Permit, request: EndpointRequest): UpstreamError {
    const failure = asUpstreamError(error)
    // A verdict on a status was given already; settling once more changes nothing.
    if (this.#counts(failure, request)) permit.failure(error)
    else permit.release()
    return failure
  }

  #counts(error: unknown, { method }: EndpointRequest): boolean {
    return (
      UpstreamError.is(error) && countsAgainstEndpoint(error, method) && this.#faults?.excuses(error) !== true
    )
  }
}

/** The reply with its messages seen through `wrap`, if it is a stream. */
const withMessages = (
  reply: UpstreamReply,
  wrap: (messages: AsyncIterable<UpstreamEvent>) => AsyncIterable<UpstreamEvent>,
): UpstreamReply => {
  if (reply.kind !== 'stream') return reply
  const { kind, status, sessionId, position } = reply
  return { kind, status, sessionId, position, cancel: () => reply.cancel(), messages: wrap(reply.messages) }
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
