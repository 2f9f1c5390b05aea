import type { Logger } from '@mreg/core'
import type { Era, JsonRpcId } from '@mreg/mcp-wire'
import {
  type EndpointTarget,
  type UpstreamEndpoint,
  UpstreamError,
  type UpstreamReply,
  type Upstreams,
} from '@mreg/upstream'

import { answerTurns } from './answer-turns.ts'
import { type Answer, emptyAnswer } from './answer.ts'
import { converse, type ConverseOptions, type Turn } from './converse.ts'
import type { Exchange } from './exchange.ts'
import type { ServerRoute } from './route-table.ts'
import { acceptsStream, idOf, type RoutedMessage } from './routed.ts'

export interface RelayOptions {
  readonly upstreams: Upstreams
  readonly timeouts: {
    readonly requestMs: number
    readonly toolCallMs: number
    readonly streamAfterMs: number
    readonly heartbeatMs: number
  }
  readonly limits: { readonly maxJsonDepth: number }
  readonly logger: Logger
}

/** Sends one message and gives the reply's head. */
export type Send = () => Promise<UpstreamReply>

/** What both protocol eras do alike: choose an endpoint, wait for it, and pass on what it says. */
export class Relay {
  readonly #upstreams: Upstreams
  /** Deepest nesting of a message. */
  readonly maxJsonDepth: number
  readonly #logger: Logger
  readonly timeouts: RelayOptions['timeouts']

  constructor({ upstreams, timeouts, limits, logger }: RelayOptions) {
    this.#upstreams = upstreams
    this.maxJsonDepth = limits.maxJsonDepth
    this.#logger = logger
    this.timeouts = timeouts
  }

  /**
   * The endpoint `endpointId` if the server still has it, else the first whose circuit is closed, else the first.
   *
   * @throws {UpstreamError} `transport_unsupported`.
   */
  endpoint({ targets, server }: ServerRoute, endpointId?: string): UpstreamEndpoint {
    const own = targets.find(({ endpoint }) => endpoint.id === endpointId)
    const chosen = own ?? targets.find((target) => this.#isClosed(target)) ?? targets[0]
    if (chosen !== undefined) return this.#upstreams.endpoint(chosen)
    throw new UpstreamError('transport_unsupported', `the server ${server.slug} has no endpoint`, {
      requestSent: false,
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
    options: Pick<ConverseOptions, 'keepStatus' | 'onReply'> & {
      /** The id that the request was sent under. Default: the client's. */
      readonly id?: JsonRpcId | undefined
    },
  ): AsyncGenerator<Turn, void, undefined> {
    const { exchange, scanned } = message
    return converse(send, {
      ...options,
      id: options.id ?? idOf(scanned) ?? '',
      maxJsonDepth: this.maxJsonDepth,
      requestId: exchange.requestId,
      slug: exchange.slug,
      onFailure: (error) => this.logFailure(exchange, error),
    })
  }

  /** Answers a request with what the upstream says to it. */
  async answerRequest(
    message: RoutedMessage,
    send: Send,
    options: Pick<ConverseOptions, 'keepStatus'>,
  ): Promise<Answer> {
    return this.answerTurns(message, this.converse(message, send, options))
  }

  /** Answers a request with turns. */
  async answerTurns(message: RoutedMessage, turns: AsyncGenerator<Turn, void, undefined>): Promise<Answer> {
    const { streamAfterMs, heartbeatMs } = this.timeouts
    return answerTurns(turns, {
      acceptsStream: acceptsStream(message.exchange),
      streamAfterMs,
      heartbeatMs,
    })
  }

  /** Notifications and responses get no answer but that they were taken; what fails then is for the log. */
  async answerNotice(message: RoutedMessage, send: Send): Promise<Answer> {
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

  #isClosed(target: EndpointTarget): boolean {
    return this.#upstreams.endpoint(target).breaker.state === 'closed'
  }
}
