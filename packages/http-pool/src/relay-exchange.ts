import * as http from 'node:http'
import type { Socket } from 'node:net'

import type { ConnectionLedger, ConnectionRecord } from './connection-ledger.ts'
import { createFailure, reasonOf, type FailurePoint } from './failure.ts'
import type { HttpPoolError, HttpPoolErrorReason } from './http-pool-error.ts'
import type { ResolvedHttpPoolOptions } from './http-pool-options.ts'
import { peerKeepAliveMs } from './keep-idle-sockets.ts'
import { MAX_TIMER_MS, PhaseTimer } from './phase-timer.ts'
import type { PooledAgents } from './pooled-agents.ts'
import type { RelayRequest, RelayResponse } from './relay-request.ts'
import type { RequestGate } from './request-gate.ts'
import { buildRequestHeaders } from './request-headers.ts'
import type { RequestTarget } from './request-target.ts'
import { ResponseBody } from './response-body.ts'
import { ResponseHeaders } from './response-headers.ts'
import { resolveTimeouts, type RelayTimeouts } from './timeouts.ts'

/** What an exchange uses of its pool. */
export interface ExchangeEnvironment {
  readonly options: ResolvedHttpPoolOptions
  readonly agents: PooledAgents
  readonly ledger: ConnectionLedger
  readonly gate: RequestGate
  /** Called once, when the exchange holds nothing any more. */
  readonly onOver: (exchange: RelayExchange) => void
}

/** Methods whose requests say `Content-Length: 0` when they have no body (RFC 9110, 8.6). */
const METHODS_WITH_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/**
 * Up to this size the body goes out with the head in one write: Node.js joins text, not bytes, and Latin-1 is the text
 * whose characters are the bytes.
 */
const ONE_WRITE_BYTES = 16_384

/**
 * One request and its response, from the queue to the last byte of the body: admission, connection, head, body.
 * Each step has a timer, and every way out goes through `#settle` and `#leave`.
 */
export class RelayExchange {
  position = -1
  readonly #environment: ExchangeEnvironment
  readonly #request: RelayRequest
  readonly #target: RequestTarget
  readonly #timeouts: RelayTimeouts
  readonly #phase: PhaseTimer<HttpPoolErrorReason>
  #total: PhaseTimer<HttpPoolErrorReason> | undefined
  readonly #outcome = Promise.withResolvers<RelayResponse>()
  #place: 'none' | 'queued' | 'taken' = 'none'
  #client: http.ClientRequest | undefined
  #body: ResponseBody | undefined
  #point: FailurePoint = 'connecting'
  #requestSent = false
  #connection: ConnectionRecord | undefined
  #reusedSocket = false
  #retried = false
  #over = false

  constructor(environment: ExchangeEnvironment, request: RelayRequest, target: RequestTarget) {
    this.#environment = environment
    this.#request = request
    this.#target = target
    this.#timeouts = resolveTimeouts(request.timeouts, environment.options.timeouts)
    this.#phase = new PhaseTimer(this.#timeOut)
  }

  /** Runs the exchange up to the response head. */
  start(): Promise<RelayResponse> {
    const { signal } = this.#request
    if (signal?.aborted === true) this.#abort()
    else {
      signal?.addEventListener('abort', this.#abort)
      const { totalMs } = this.#timeouts
      if (totalMs < MAX_TIMER_MS) {
        this.#total = new PhaseTimer(this.#timeOut)
        this.#total.start('total_timeout', totalMs)
      }
      this.#checkTarget()
    }
    return this.#outcome.promise
  }

  /** Ends the exchange, wherever it is. */
  fail(reason: HttpPoolErrorReason, detail: { cause?: unknown; limit?: number } = {}): void {
    if (this.#over) return
    const error = createFailure(reason, {
      origin: this.#target.origin,
      requestSent: this.#requestSent,
      ...detail,
    })
    if (this.#body !== undefined) return this.#body.fail(error)
    this.#settle()
    this.#client?.destroy()
    this.#leave()
    this.#outcome.reject(error)
  }

  readonly #timeOut = (reason: HttpPoolErrorReason, limit: number): void => this.fail(reason, { limit })

  readonly #abort = (): void => this.fail('aborted', { cause: this.#request.signal?.reason })

  #checkTarget(): void {
    const { egress } = this.#environment.options
    if (egress?.checkTarget === undefined) return this.#enqueue()
    const refuse = (cause: unknown): void => this.fail('egress_denied', { cause })
    try {
      const verdict = egress.checkTarget(this.#request.url)
      if (verdict === undefined) return this.#enqueue()
      this.#phase.start('queue_timeout', this.#timeouts.queueMs)
      verdict.then(() => this.#enqueue(), refuse)
    } catch (cause) {
      refuse(cause)
    }
  }

  #enqueue(): void {
    if (this.#over) return
    const verdict = this.#environment.gate.enter(this.#target.origin, this.#enter)
    if (verdict === 'full') {
      return this.fail('queue_full', { limit: this.#environment.options.maxQueuedRequestsPerOrigin })
    }
    // Also while the agent looks for a connection: others may hold all that it may open.
    this.#phase.start('queue_timeout', this.#timeouts.queueMs)
    if (verdict === 'queued') this.#place = 'queued'
    else this.#enter()
  }

  readonly #enter = (): void => {
    this.#place = 'taken'
    this.#connect()
  }

  #connect(): void {
    const { options, agents } = this.#environment
    const target = this.#target
    const { method, body, headers = [], tls } = this.#request
    const proxy = options.proxy?.serverFor(target)
    // An http target is asked for at the proxy (RFC 9112, section 3.2.2); an https one is at the end of a tunnel.
    const asked = target.secure ? undefined : proxy
    if (proxy !== undefined) this.#phase.start('connect_timeout', this.#timeouts.connectMs)
    const own = agents.for(tls)
    const contentLength = body?.byteLength ?? (METHODS_WITH_CONTENT.has(method) ? 0 : undefined)
    let client: http.ClientRequest
    try {
      client = http.request({
        agent: target.secure ? own.https : own.http,
        protocol: target.secure ? 'https:' : 'http:',
        hostname: target.hostname,
        port: target.port,
        path: asked === undefined ? target.path : target.origin + target.path,
        method,
        headers: buildRequestHeaders(headers, {
          host: target.host,
          contentLength,
          userAgent: options.userAgent,
          proxyAuthorization: asked?.authorization(),
        }),
        setHost: false,
        setDefaultHeaders: false,
        maxHeaderSize: options.maxHeaderBytes,
      })
    } catch (cause) {
      return this.fail('invalid_request', { cause })
    }
    this.#client = client
    this.#point = 'connecting'
    client.on('socket', (socket) => this.#prepare(client, socket))
    client.on('response', (message) => this.#receiveHead(client, message))
    client.on('error', (error) => this.#failAttempt(client, error))
    // A 101 that nobody asked for: without a listener the client waits for the time-out.
    client.on('upgrade', (_message, socket) => {
      socket.destroy()
      this.#failAttempt(client, new Error('unexpected upgrade'), 'invalid_response')
    })
  }

  /** Hands the request over once the handshake is over, so that it is known whether anything was sent. */
  #prepare(client: http.ClientRequest, socket: Socket): void {
    if (this.#isStale(client)) return
    const record = this.#environment.ledger.record(socket)
    this.#connection = record
    this.#reusedSocket = record?.used === true
    if (record !== undefined) record.used = true
    if (record?.ready === true) this.#point = 'waiting'
    if (socket.destroyed) {
      // Before the client listens to it: a resolver that failed at once, or a kept connection that has just ended.
      return this.#failAttempt(client, socket.errored ?? new Error('the connection was closed'))
    }
    if (record?.ready === true) return this.#send(client)
    this.#phase.start('connect_timeout', this.#timeouts.connectMs)
    if (!this.#target.secure) {
      socket.once('connect', () => this.#send(client))
      return
    }
    socket.once('connect', () => {
      this.#point = 'securing'
    })
    socket.once('secureConnect', () => this.#send(client))
  }

  #send(client: http.ClientRequest): void {
    if (this.#isStale(client)) return
    this.#point = 'waiting'
    this.#phase.start('headers_timeout', this.#timeouts.headersMs)
    this.#requestSent = true
    const { body } = this.#request
    if (body === undefined || body.byteLength > ONE_WRITE_BYTES) client.end(body)
    else client.end(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1'), 'latin1')
  }

  #receiveHead(client: http.ClientRequest, message: http.IncomingMessage): void {
    if (this.#isStale(client)) return void message.on('error', ignore).destroy()
    const headers = new ResponseHeaders(message.rawHeaders)
    if (this.#connection !== undefined)
      this.#connection.peerKeepAliveMs = peerKeepAliveMs(headers.get('keep-alive'))
    const maxBytes = this.#request.maxResponseBytes ?? this.#environment.options.maxResponseBytes
    const announcedBytes = this.#request.method === 'HEAD' ? 0 : Number(headers.get('content-length') ?? 0)
    if (announcedBytes > maxBytes) {
      message.on('error', ignore)
      return this.fail('too_large', { limit: maxBytes })
    }
    this.#body = new ResponseBody(message, {
      origin: this.#target.origin,
      timer: this.#phase,
      idleMs: this.#timeouts.idleMs,
      announcedBytes,
      maxBytes,
      onOver: (error) => this.#endBody(client, error),
    })
    this.#outcome.resolve({
      status: message.statusCode ?? 0,
      headers,
      body: this.#body,
      remoteAddress: message.socket.remoteAddress,
      reusedSocket: this.#reusedSocket,
    })
  }

  #failAttempt(client: http.ClientRequest, cause: Error, known?: HttpPoolErrorReason): void {
    // After the head the message itself reports its end; this error only says why.
    if (this.#isStale(client) || this.#body !== undefined) return
    const reason = known ?? reasonOf(cause, this.#point)
    if (reason === 'reset' && this.#reusedSocket) {
      // What killed this idle connection has most likely killed its siblings.
      this.#environment.ledger.evictIdle(this.#target.origin)
      if (this.#request.retryable === true && !this.#retried) {
        this.#retried = true
        client.destroy()
        this.#phase.start('queue_timeout', this.#timeouts.queueMs)
        return this.#connect()
      }
    }
    this.fail(reason, { cause })
  }

  #endBody(client: http.ClientRequest, error: HttpPoolError | undefined): void {
    this.#settle()
    // An answer that came before the request was sent leaves a connection that nobody can use again.
    if (error !== undefined || !client.writableFinished || !client.shouldKeepAlive) {
      client.destroy()
      this.#leave()
    } else {
      // The agent takes the connection back in the tick of `close`: who is next in the queue shall find it there.
      client.on('close', () => process.nextTick(() => this.#leave()))
    }
  }

  #isStale(client: http.ClientRequest): boolean {
    return this.#over || client !== this.#client
  }

  /** Nothing can happen to the exchange any more. */
  #settle(): void {
    this.#over = true
    this.#phase.stop()
    this.#total?.stop()
    this.#request.signal?.removeEventListener('abort', this.#abort)
  }

  /** Gives back what the exchange holds. */
  #leave(): void {
    const { gate } = this.#environment
    if (this.#place === 'queued') gate.withdraw(this.#target.origin, this.#enter)
    else if (this.#place === 'taken') gate.leave(this.#target.origin)
    this.#place = 'none'
    this.#environment.onOver(this)
  }
}

const ignore = (): void => {}
