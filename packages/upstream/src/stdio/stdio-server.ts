import { randomUUID } from 'node:crypto'

import type { Isolation, Logger } from '@mreg/core'
import {
  childEnvironment,
  type StdioClient,
  type StdioEra,
  type StdioTransport,
  type StdioTransportOptions,
  type UpstreamEndSessionRequest,
  type UpstreamListenRequest,
  type UpstreamReply,
  type UpstreamRequest,
  type UpstreamTransport,
  UpstreamTransportError,
} from '@mreg/mcp-transports'
import { encodeError, ERROR_CODE, isModernVersion } from '@mreg/mcp-wire'

import { isJsonObject, parseJsonObject } from '../json-object.ts'
import { UpstreamError } from '../upstream-error.ts'
import type { ChildHost } from './child-host.ts'
import { type ChildSpec, childSpec } from './child-spec.ts'
import { fetchedPackage } from './package-runner.ts'
import { Patience } from './patience.ts'
import { StdioChildren } from './stdio-children.ts'
import type { StdioState } from './stdio-state.ts'

export interface StdioServerOptions {
  readonly host: ChildHost
  /** The server's name, for the log. */
  readonly slug: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string | undefined
  /** Gives what the endpoint sets in the environment. @throws when that cannot be had. */
  readonly environment: () => Readonly<Record<string, string>>
  /** Who may share a process. */
  readonly isolation: Isolation
  /** Who we are, where no client makes itself known. */
  readonly clientInfo: StdioClient['clientInfo']
  readonly maxMessageBytes: number
  /** Told of each failed start and crash that no caller waited for. */
  readonly onLonelyFailure: () => void
  readonly logger?: Logger | undefined
}

/** What was found when a server was asked whether it works. */
export interface StdioVerdict {
  readonly era: StdioEra
  /** How many calls keep it from answering; 0: it answered. */
  readonly busyWith: number
}

/** How many processes are remembered that nobody waited for. One that is forgotten ends when it was idle for long enough. */
const MAX_UNCLAIMED = 100

/**
 * A server that is a command. To callers it is one server; behind it there is a process for each of those whom its isolation
 * keeps apart, started when it is needed.
 */
export class StdioServer implements UpstreamTransport {
  readonly kind = 'stdio'
  readonly #options: StdioServerOptions
  readonly #children: StdioChildren
  /** Keys of processes that were started for a session whose client did not wait for them, by what they would do for another. */
  readonly #unclaimed = new Map<string, string>()
  #era: StdioEra | undefined
  #detecting: Promise<StdioEra> | undefined

  constructor(options: StdioServerOptions) {
    this.#options = options
    const { command, args, host, logger, onLonelyFailure, slug } = options
    const fetches = fetchedPackage(command, args)
    this.#children = new StdioChildren({
      host,
      slug,
      fetches,
      process: (spec) => this.#process(spec, fetches !== undefined),
      onLonelyFailure,
      logger,
    })
  }

  get state(): StdioState {
    return this.#children.state
  }

  async send(request: UpstreamRequest): Promise<UpstreamReply> {
    const { method, principalId, protocolVersion, sessionId } = request
    if (protocolVersion !== undefined && isModernVersion(protocolVersion)) return this.#sendModern(request)
    if (method === 'initialize') return this.#openSession(request)
    const transport = this.#children.withSession(sessionId, principalId)
    return transport === undefined ? sessionNotFound() : transport.send(request)
  }

  async listen(request: UpstreamListenRequest): Promise<UpstreamReply> {
    const transport = this.#children.withSession(request.sessionId, request.principalId)
    return transport === undefined ? sessionNotFound() : transport.listen(request)
  }

  async endSession(request: UpstreamEndSessionRequest): Promise<void> {
    const transport = this.#children.withSession(request.sessionId, request.principalId)
    if (transport === undefined) return
    await transport.endSession(request)
    if (this.#options.isolation === 'session') await this.#children.endWithSession(transport)
  }

  /**
   * Asks the server whether it works: a process that runs, else one that is started for the question and ended after it.
   *
   * @param isRoutine nobody wants to know in particular: then no process is started when the last one did what it should, or
   * failed a moment ago.
   * @throws {UpstreamTransportError} why it does not.
   */
  async probe(options: { readonly timeoutMs: number; readonly isRoutine: boolean }): Promise<StdioVerdict> {
    const { running } = this.#children
    if (running?.era !== undefined)
      return { era: running.era, busyWith: await busyWith(running, options.timeoutMs) }
    if (options.isRoutine) {
      const { lastFailure, restartMs } = this.#children
      if (lastFailure !== undefined && restartMs > 0) throw lastFailure
      if (lastFailure === undefined && this.#era !== undefined) return { era: this.#era, busyWith: 0 }
    }
    return { era: await this.#detect(), busyWith: 0 }
  }

  /** Starts nothing any more, and ends each process when its calls are over. Fulfils when all have ended. */
  retire(): Promise<void> {
    return this.#children.retire()
  }

  /** Ends every process. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#children[Symbol.asyncDispose]()
  }

  async #sendModern(request: UpstreamRequest): Promise<UpstreamReply> {
    const patience = new Patience(timeoutOf(request), request.signal)
    if (this.#era === undefined) {
      this.#children.requireMayStart()
      await patience.wait(this.#detect())
    }
    if (this.#era === 'legacy') return speaksOlder()
    const spec = this.#spec('modern', request.principalId, undefined)
    try {
      const transport = await this.#children.acquire(spec, patience)
      // The time until the process was ready is gone for the call.
      return await transport.send({ ...request, timeouts: { ...request.timeouts, totalMs: patience.leftMs } })
    } catch (error) {
      // It may have become another server since it was asked.
      if (UpstreamTransportError.is(error) && error.reason === 'start_failed') this.#era = undefined
      throw error
    }
  }

  async #openSession(request: UpstreamRequest): Promise<UpstreamReply> {
    const wanted = this.#spec('legacy', request.principalId, clientOf(request.message))
    const alike = wanted.key.replace(/\/[^/]*$/u, '')
    const unclaimed = this.#unclaimed.get(alike)
    this.#unclaimed.delete(alike)
    const spec = unclaimed === undefined ? wanted : { ...wanted, key: unclaimed }
    try {
      const patience = new Patience(timeoutOf(request), request.signal)
      return await (await this.#children.acquire(spec, patience)).send(request)
    } catch (error) {
      const isLeft = UpstreamError.is(error) && (error.reason === 'starting' || error.reason === 'aborted')
      if (isLeft && this.#options.isolation === 'session') this.#leave(alike, spec.key)
      throw error
    }
  }

  #leave(alike: string, key: string): void {
    const [oldest] = this.#unclaimed.keys()
    if (oldest !== undefined && this.#unclaimed.size >= MAX_UNCLAIMED) this.#unclaimed.delete(oldest)
    this.#unclaimed.set(alike, key)
  }

  #spec(era: StdioEra, principalId = '', client?: StdioClient): ChildSpec {
    const { clientInfo, isolation } = this.#options
    return childSpec({ isolation, principalId, era, client, gateway: clientInfo })
  }

  #process({ client, era, principalId }: ChildSpec, isFetched: boolean): StdioTransportOptions {
    const { args, command, cwd, environment, host, maxMessageBytes } = this.#options
    const own = environment()
    return {
      command: { command, args, cwd, environment: childEnvironment(own) },
      era,
      client,
      isShared: principalId === undefined,
      guard: host.guard,
      startTimeoutMs: isFetched ? host.limits.packageStartMs : host.limits.startMs,
      writeTimeoutMs: host.limits.writeMs,
      stopGraceMs: host.limits.stopMs,
      maxMessageBytes,
      secrets: Object.values(own),
    }
  }

  #detect(): Promise<StdioEra> {
    this.#detecting ??= this.#detectOnce().finally(() => {
      this.#detecting = undefined
    })
    return this.#detecting
  }

  async #detectOnce(): Promise<StdioEra> {
    try {
      this.#era = await this.#ask(undefined).catch((error: unknown) => {
        if (!UpstreamTransportError.is(error) || error.reason !== 'start_failed') throw error
        // Some servers do not survive a question of the newer era.
        return this.#ask('legacy')
      })
      this.#children.report(undefined)
      return this.#era
    } catch (error) {
      if (UpstreamTransportError.is(error)) this.#children.report(error)
      throw error
    }
  }

  /** Starts a process for a question alone. @returns the era that it speaks. */
  async #ask(era: StdioEra | undefined): Promise<StdioEra> {
    const client: StdioClient = { capabilities: {}, clientInfo: this.#options.clientInfo }
    const spec: ChildSpec = {
      key: `question/${randomUUID()}`,
      principalId: undefined,
      era,
      client,
      isQuestion: true,
    }
    try {
      return await (await this.#children.acquire(spec, new Patience(Number.POSITIVE_INFINITY))).start()
    } finally {
      await this.#children.end(spec.key)
    }
  }
}

/** Whether it answers, or how many calls keep it from that. @throws {UpstreamTransportError} when it does not. */
const busyWith = async (transport: StdioTransport, timeoutMs: number): Promise<number> => {
  try {
    await transport.ping(timeoutMs)
    return 0
  } catch (error) {
    const { calls } = transport.activity
    if (UpstreamTransportError.is(error) && error.reason === 'total_timeout' && calls > 0) return calls
    throw error
  }
}

const timeoutOf = ({ timeouts }: UpstreamRequest): number =>
  timeouts?.totalMs ?? timeouts?.headersMs ?? Number.POSITIVE_INFINITY

/** What the client that initialises says of itself. */
const clientOf = (message: Uint8Array): StdioClient => {
  const params = parseJsonObject(message)?.['params']
  const { capabilities, clientInfo } = isJsonObject(params) ? params : {}
  return {
    capabilities: isJsonObject(capabilities) ? capabilities : {},
    clientInfo: isJsonObject(clientInfo) ? clientInfo : {},
  }
}

const refused = (status: number, code: number, message: string): UpstreamReply => ({
  kind: 'refused',
  status,
  contentType: 'application/json',
  body: encodeError({ id: null, code, message }),
  retryAfterMs: undefined,
  wwwAuthenticate: undefined,
  sessionId: undefined,
})

/** The process that kept it is gone: whoever opens another session may send the message again. */
const sessionNotFound = (): UpstreamReply =>
  refused(404, ERROR_CODE.sessionNotFound, 'The session is not known to any process of this server.')

/** For a client that speaks both eras, the sign to begin with `initialize`. */
const speaksOlder = (): UpstreamReply =>
  refused(
    400,
    ERROR_CODE.badRequest,
    'The server speaks an older version of the protocol: send initialize first.',
  )
