import type { Logger } from '@mreg/core'
import type { Era, JsonRpcId } from '@mreg/mcp-wire'
import { type UpstreamEndpoint, UpstreamError, type UpstreamReply, type Upstreams } from '@mreg/upstream'

import { cancelledTurn } from './active/cancelled-turn.ts'
import { answerTurns } from './answer-turns.ts'
import { type Answer, emptyAnswer } from './answer.ts'
import type { CallAudit } from './control/call-audit.ts'
import { converse, type ConverseOptions, type Send, type Turn } from './converse.ts'
import type { Exchange } from './exchange.ts'
import type { Fallback } from './fallback/fallback.ts'
import { Attempts } from './replicas/attempts.ts'
import type { ServerRoute } from './route-table.ts'
import { acceptsStream, idOf, type Routed, type RoutedMessage } from './routed.ts'
import type { Traffic } from './traffic/traffic.ts'

export interface RelayOptions {
  readonly upstreams: Upstreams
  readonly timeouts: {
    readonly requestMs: number
    readonly toolCallMs: number
    readonly streamAfterMs: number
    readonly heartbeatMs: number
  }
  readonly limits: { readonly maxJsonDepth: number }
  /** Has older answers stand in for failures. undefined: nothing does. */
  readonly fallback?: Fallback | undefined
  /** Counts what servers are asked. undefined: nobody does. */
  readonly traffic?: Traffic | undefined
  /** Writes down who called what. undefined: nobody does. */
  readonly audit?: CallAudit | undefined
  readonly logger: Logger
}

/** What both protocol eras do alike: choose an endpoint, wait for it, and pass on what it says. */
export class Relay {
  readonly #upstreams: Upstreams
  /** Deepest nesting of a message. */
  readonly maxJsonDepth: number
  readonly #logger: Logger
  readonly #fallback: Fallback | undefined
  readonly #traffic: Traffic | undefined
  readonly #audit: CallAudit | undefined
  readonly timeouts: RelayOptions['timeouts']

  constructor({ audit, fallback, traffic, upstreams, timeouts, limits, logger }: RelayOptions) {
    this.#audit = audit
    this.#fallback = fallback
    this.#traffic = traffic
    this.#upstreams = upstreams
    this.maxJsonDepth = limits.maxJsonDepth
    this.#logger = logger
    this.timeouts = timeouts
  }

  /**
   * Where one message goes.
   *
   * @param home the endpoint that it belongs to. Default: none in particular.
   * @throws {UpstreamError} `transport_unsupported`.
   */
  attempts(message: RoutedMessage, client: Era, home?: string): Attempts {
    const { method, name } = message.scanned
    return this.#attempts(message, { client, deadlineMs: this.deadlineMs(message), home, method, name })
  }

  /**
   * The endpoint for what is no message.
   *
   * @throws {UpstreamError} `transport_unsupported`.
   */
  endpointAt(routed: Routed, client: Era, home: string): UpstreamEndpoint {
    return this.#attempts(routed, { client, deadlineMs: this.timeouts.requestMs, home }).endpoint
  }

  #attempts(
    { exchange, route }: Routed,
    {
      client,
      deadlineMs,
      home,
      method,
      name,
    }: {
      readonly client: Era
      readonly deadlineMs: number
      readonly home?: string | undefined
      readonly method?: string | undefined
      readonly name?: string | undefined
    },
  ): Attempts {
    return new Attempts({
      route,
      upstreams: this.#upstreams,
      method,
      toolName: name,
      key: exchange.principal.id,
      deadlineMs,
      home,
      era: client,
      active: exchange.active,
    })
  }

  /**
   * In which era `endpoint` is to be spoken to for a client of the era `client`; its own when that cannot be found out, so that
   * what goes wrong is said in answer to the request itself. A server that is a process is asked before its first request of
   * either era, any other one only before the first of the newer: trying `initialize` is as good as asking.
   */
  async eraFor(endpoint: UpstreamEndpoint, client: Era, message: RoutedMessage): Promise<Era> {
    const known = endpoint.era.known(client)
    if (known !== undefined) return known
    if (client === 'legacy' && endpoint.stdio === undefined) return client
    return (await endpoint.era.find(client, this.deadlineMs(message))) ?? client
  }

  /** How long the whole exchange may take: tools may be slow and subscriptions last, everything else may not. */
  deadlineMs({ route, scanned }: RoutedMessage): number {
    const { toolCallTimeoutMs, requestTimeoutMs } = route.server.settings
    return scanned.method === 'tools/call' || scanned.method === 'subscriptions/listen'
      ? (toolCallTimeoutMs ?? this.timeouts.toolCallMs)
      : (requestTimeoutMs ?? this.timeouts.requestMs)
  }

  /** The upstream's answer to one request, message by message, and nothing but answers. */
  converse(
    message: RoutedMessage,
    send: Send,
    options: Pick<ConverseOptions, 'again' | 'era' | 'keepStatus' | 'onReply'> & {
      /** The id that the request was sent under. Default: the client's. */
      readonly id?: JsonRpcId | undefined
    },
  ): AsyncGenerator<Turn, void, undefined> {
    const { exchange, route, scanned } = message
    const { active } = exchange
    const { onReply } = options
    const turns = converse(send, {
      ...options,
      onReply:
        active === undefined
          ? onReply
          : (reply) => {
              active.phase = 'answering'
              onReply?.(reply)
            },
      id: options.id ?? idOf(scanned) ?? '',
      isToolCall: scanned.method === 'tools/call',
      maxJsonDepth: this.maxJsonDepth,
      requestId: exchange.requestId,
      slug: exchange.slug,
      onFailure: (error) => this.logFailure(exchange, error),
    })
    const isOfUse = scanned.method === 'tools/list' && route.server.settings.trusted === true
    return isOfUse ? learnt(turns, route) : turns
  }

  /** Answers a request with turns. */
  async answerTurns(message: RoutedMessage, turns: AsyncGenerator<Turn, void, undefined>): Promise<Answer> {
    const { streamAfterMs, heartbeatMs } = this.timeouts
    return answerTurns(turns, {
      acceptsStream: acceptsStream(message.exchange),
      streamAfterMs,
      heartbeatMs,
      settle: (turn) => this.settle(message, turn),
    })
  }

  /** What the client gets for the final turn: the turn itself, or what takes the place of a failure. It is counted. */
  settle(message: RoutedMessage, turn: Turn): Turn | Promise<Turn> {
    const reason = message.exchange.active?.cancelReason
    if (reason !== undefined && (turn.failure !== undefined || turn.isCancelled === true))
      return this.#counted(message, cancelledTurn(message, reason))
    const settled = this.#fallback?.settle(message, turn) ?? turn
    if (!(settled instanceof Promise)) return this.#counted(message, settled)
    return settled.then((other) => this.#counted(message, other))
  }

  /** Takes note that a request is translated between the eras. */
  bridged(message: RoutedMessage): void {
    this.#traffic?.bridged(message)
  }

  #counted(message: RoutedMessage, turn: Turn): Turn {
    this.#traffic?.settled(message, turn)
    if (message.exchange.isObservation !== true) this.#audit?.settled(message, turn)
    return turn
  }

  /** Notifications and responses get no answer but that they were taken; what fails then is for the log. */
  async answerNotice(message: RoutedMessage, send: () => Promise<UpstreamReply>): Promise<Answer> {
    try {
      const reply = await send()
      if (reply.kind === 'stream') reply.cancel()
    } catch (error) {
      this.logFailure(message.exchange, error)
    }
    return emptyAnswer(202)
  }

  logFailure({ requestId, slug, principal }: Exchange, error: unknown): void {
    const fields = { requestId, server: slug, tenant: principal.tenantId }
    if (UpstreamError.is(error)) {
      const cause = error.cause instanceof Error ? error.cause.message : undefined
      this.#logger.warn('a request to a server failed', { ...fields, reason: error.reason, cause })
    } else {
      this.#logger.error('a request failed in the gateway', { ...fields, error })
    }
  }
}

/** The same turns. What a trusted server says of its tools is remembered. */
async function* learnt(
  turns: AsyncGenerator<Turn, void, undefined>,
  { replicas }: ServerRoute,
): AsyncGenerator<Turn, void, undefined> {
  for await (const turn of turns) {
    if (turn.final) replicas.tools.learn(turn.message)
    yield turn
  }
}
