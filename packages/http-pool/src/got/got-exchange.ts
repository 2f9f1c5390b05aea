import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

import { TimeoutError, type Got, type Options, type Request } from 'got'

import { createFailure, reasonOf, type FailurePoint } from '../failure.ts'
import { HttpPoolError, type HttpPoolErrorReason } from '../http-pool-error.ts'
import { MAX_TIMER_MS, PhaseTimer } from '../phase-timer.ts'
import type { PoolAgents } from '../pooled-agents.ts'
import { ResponseHeaders } from '../response-headers.ts'
import type { RelayTimeouts } from '../timeouts.ts'
import type { HttpClientResponse } from './http-client.ts'

export interface GotExchangeRequest {
  readonly url: URL
  readonly method: string
  readonly headers: Record<string, string>
  readonly agents: PoolAgents
  /** In place of `http.request`. Undefined: that. */
  readonly send: Options['request']
  readonly body: Uint8Array | string | undefined
  readonly timeouts: RelayTimeouts
  /** What is left of `totalMs`. */
  readonly leftMs: number
  readonly maxBytes: number
  readonly maxHeaderBytes: number
  readonly callerSignal: AbortSignal | undefined
  readonly poolSignal: AbortSignal
}

/** What got's timers mean here, by the name of the phase. */
const TIMEOUT_REASONS: Readonly<Record<string, HttpPoolErrorReason>> = {
  lookup: 'connect_timeout',
  connect: 'connect_timeout',
  secureConnect: 'connect_timeout',
  send: 'headers_timeout',
  response: 'headers_timeout',
  request: 'total_timeout',
}

const TIMEOUT_LIMITS: Partial<Record<HttpPoolErrorReason, keyof RelayTimeouts>> = {
  connect_timeout: 'connectMs',
  headers_timeout: 'headersMs',
  idle_timeout: 'idleMs',
  total_timeout: 'totalMs',
}

/** One request through got: a stream read under a byte limit, and errors put into the pool's words. */
export class GotExchange {
  readonly #got: Got
  readonly #request: GotExchangeRequest
  readonly #idle = new PhaseTimer<Request>((stream, limit) => this.#cut(stream, 'idle_timeout', limit))
  #point: FailurePoint = 'connecting'
  #message: IncomingMessage | undefined
  #failure: HttpPoolError | undefined

  constructor(got: Got, request: GotExchangeRequest) {
    this.#got = got
    this.#request = request
  }

  async run(): Promise<HttpClientResponse> {
    let stream: Request | undefined
    const cut = (): void => void stream?.destroy()
    const { callerSignal, poolSignal } = this.#request
    callerSignal?.addEventListener('abort', cut)
    poolSignal.addEventListener('abort', cut)
    try {
      if (this.#isCut()) throw new Error('aborted')
      stream = this.#open()
      const body = await this.#read(stream)
      // A stream that was cut between two chunks ends like one that is complete.
      if (this.#isCut()) throw new Error('aborted')
      return this.#respond(body)
    } catch (error) {
      throw this.#translate(error)
    } finally {
      this.#idle.stop()
      callerSignal?.removeEventListener('abort', cut)
      poolSignal.removeEventListener('abort', cut)
    }
  }

  #open(): Request {
    const { url, method, headers, agents, send, body, timeouts, maxHeaderBytes } = this.#request
    const connectMs = armable(timeouts.connectMs)
    const headersMs = armable(timeouts.headersMs)
    const totalMs = armable(Math.ceil(this.#request.leftMs))
    const stream = this.#got.stream(url, {
      method,
      headers,
      agent: { http: agents.http, https: agents.https },
      maxHeaderSize: maxHeaderBytes,
      ...(send === undefined ? {} : { request: send }),
      ...(body === undefined ? {} : { body }),
      timeout: {
        ...(connectMs === undefined
          ? {}
          : { lookup: connectMs, connect: connectMs, secureConnect: connectMs }),
        ...(headersMs === undefined ? {} : { send: headersMs, response: headersMs }),
        ...(totalMs === undefined ? {} : { request: totalMs }),
      },
    })
    // Without a body to send, got waits for one to be written.
    if (body === undefined && stream.writable) stream.end()
    stream.once('request', (client: ClientRequest) => {
      client.once('socket', (socket) => this.#watchConnection(socket, client.reusedSocket))
    })
    stream.once('response', (message: IncomingMessage) => {
      this.#message = message
      const { maxBytes } = this.#request
      const announcedBytes = method === 'HEAD' ? 0 : Number(message.headers['content-length'] ?? 0)
      if (announcedBytes > maxBytes) return this.#cut(stream, 'too_large', maxBytes)
      this.#idle.start(stream, timeouts.idleMs)
    })
    return stream
  }

  #watchConnection(socket: Socket, isReused: boolean): void {
    if (!socket.connecting) {
      // A new one that is not connecting any more has failed already, unless it came out of a tunnel.
      if (isReused || !socket.destroyed) this.#point = 'waiting'
      return
    }
    const secure = socket instanceof TLSSocket
    socket.once('connect', () => {
      this.#point = secure ? 'securing' : 'waiting'
    })
    if (secure) {
      socket.once('secureConnect', () => {
        this.#point = 'waiting'
      })
    }
  }

  async #read(stream: Request): Promise<Buffer> {
    const { maxBytes } = this.#request
    const chunks: Buffer[] = []
    let receivedBytes = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      receivedBytes += chunk.byteLength
      if (receivedBytes > maxBytes) throw this.#fail('too_large', maxBytes)
      this.#idle.refresh()
      chunks.push(chunk)
    }
    return Buffer.concat(chunks, receivedBytes)
  }

  #respond(body: Buffer): HttpClientResponse {
    if (this.#failure !== undefined) throw this.#failure
    const message = this.#message
    if (message === undefined) throw new Error('the stream ended without a response')
    if (!message.complete) throw this.#fail('truncated')
    return {
      status: message.statusCode ?? 0,
      headers: new ResponseHeaders(message.rawHeaders),
      body,
      text: () => body.toString('utf8'),
      json: () => {
        try {
          const value: unknown = JSON.parse(body.toString('utf8'))
          return value
        } catch {
          // The parser's message quotes the body, so it is not passed on.
          throw this.#fail('invalid_response')
        }
      },
    }
  }

  #isCut(): boolean {
    return this.#request.callerSignal?.aborted === true || this.#request.poolSignal.aborted
  }

  #cut(stream: Request, reason: HttpPoolErrorReason, limit: number): void {
    this.#failure ??= this.#fail(reason, limit)
    stream.destroy(this.#failure)
  }

  #translate(error: unknown): HttpPoolError {
    if (this.#failure !== undefined) return this.#failure
    if (HttpPoolError.is(error)) return error
    const { callerSignal, poolSignal, timeouts } = this.#request
    if (callerSignal?.aborted === true) return this.#fail('aborted', undefined, callerSignal.reason)
    if (poolSignal.aborted) return this.#fail('closed')
    // got's errors carry the options of the request, credentials included: only what is below them is passed on.
    const cause = error instanceof Error ? error.cause : undefined
    if (cause instanceof HttpPoolError) return cause
    if (error instanceof TimeoutError) {
      const reason = TIMEOUT_REASONS[error.event] ?? 'idle_timeout'
      return this.#fail(reason, timeouts[TIMEOUT_LIMITS[reason] ?? 'totalMs'])
    }
    if (this.#message !== undefined) return this.#fail('truncated', undefined, cause)
    return this.#fail(reasonOf(cause, this.#point), undefined, cause)
  }

  #fail(reason: HttpPoolErrorReason, limit?: number, cause?: unknown): HttpPoolError {
    return createFailure(reason, {
      origin: this.#request.url.origin,
      requestSent: this.#point === 'waiting',
      limit,
      cause,
    })
  }
}

const armable = (delayMs: number): number | undefined => (delayMs > MAX_TIMER_MS ? undefined : delayMs)
