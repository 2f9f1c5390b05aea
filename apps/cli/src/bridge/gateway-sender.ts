import { setTimeout as delay } from 'node:timers/promises'

import { CommandFailure } from '../command-failure.ts'
import { backoffMs } from './backoff.ts'
import type { GatewayConnection } from './gateway-connection.ts'
import {
  ExchangeError,
  type ExchangeRequest,
  type ExchangeResponse,
  exchangeWithGateway,
} from './gateway-exchange.ts'

export type SendOptions = Omit<ExchangeRequest, 'url'> & {
  /** It does no harm when the gateway sees it twice. */
  readonly repeatable: boolean
}

/** How long a message may wait for a gateway to come back. */
const RECONNECT_MS = 90_000
const MAX_RETRY_AFTER_MS = 10_000

/**
 * Sends to one path of the gateway, wherever that is by now: waits while it restarts, starts it when it is gone. What
 * may have arrived is sent again only when it is repeatable.
 */
export class GatewaySender {
  readonly #connection: GatewayConnection
  readonly #path: string
  readonly #say: (text: string) => void
  #keyWanted = false

  constructor(connection: GatewayConnection, path: string, say: (text: string) => void) {
    this.#connection = connection
    this.#path = path
    this.#say = say
  }

  /**
   * @throws {ExchangeError} when what may have arrived got no answer.
   * @throws {CommandFailure} when no gateway comes.
   */
  async send(options: SendOptions): Promise<ExchangeResponse> {
    const deadline = Date.now() + RECONNECT_MS
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.#try(options)
      if ('status' in outcome) return outcome
      if (options.signal.aborted || !outcome.again || Date.now() > deadline) throw outcome.error
      await delay(outcome.afterMs ?? backoffMs(attempt), undefined, { signal: options.signal })
    }
  }

  async #try(
    options: SendOptions,
  ): Promise<ExchangeResponse | { error: Error; again: boolean; afterMs?: number | undefined }> {
    const gateway = await this.#connection.current()
    const { key, url } = gateway
    const headers =
      this.#keyWanted && key !== undefined
        ? { ...options.headers, authorization: `Bearer ${key}` }
        : options.headers
    let response: ExchangeResponse
    try {
      response = await exchangeWithGateway({ ...options, headers, url: `${url}${this.#path}` })
    } catch (error) {
      if (!ExchangeError.is(error) || options.signal.aborted) throw error
      await this.#connection.lost(gateway)
      this.#say(`the gateway at ${url} does not answer; looking for it again`)
      return { error, again: !error.sent || options.repeatable }
    }
    if (response.status === 401 && !this.#keyWanted && key !== undefined) {
      this.#keyWanted = true
      return { error: refusal('the gateway wants a key'), again: true, afterMs: 0 }
    }
    // Refused before it was read (RFC 9110, section 15.6.4): the gateway ends, or has too much to do.
    const retryAfter = Number(response.headers['retry-after'])
    if (response.status === 503 && options.method === 'POST' && Number.isFinite(retryAfter)) {
      await this.#connection.lost(gateway)
      return {
        error: refusal('the gateway has no time for this'),
        again: true,
        afterMs: Math.min(retryAfter * 1000, MAX_RETRY_AFTER_MS),
      }
    }
    return response
  }
}

const refusal = (message: string): CommandFailure => new CommandFailure('gateway_refused', message)
