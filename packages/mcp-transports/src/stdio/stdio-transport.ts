import { readValue, scanMessage, type ScannedMessage } from '@mreg/mcp-wire'

import type { UpstreamReply } from '../upstream-reply.ts'
import { UpstreamTransportError } from '../upstream-transport-error.ts'
import type {
  UpstreamEndSessionRequest,
  UpstreamListenRequest,
  UpstreamRequest,
  UpstreamTransport,
} from '../upstream-transport.ts'
import { CallTable, type ProcessInput } from './call-table.ts'
import { ChildGuard } from './child-guard.ts'
import { failure } from './failure.ts'
import { discover, type Handshake, shakeHands } from './handshake.ts'
import { Incoming } from './incoming.ts'
import { OfferedRequests } from './offered-requests.ts'
import { Outgoing } from './outgoing.ts'
import { emptyRequest, LENIENT, rawValue } from './raw-message.ts'
import { ServerMessages } from './server-messages.ts'
import { SessionTable } from './session-table.ts'
import { DEFAULTS, type StdioEra, type StdioTransportOptions } from './stdio-options.ts'
import { type StdioExit, StdioProcess, startFaultOf } from './stdio-process.ts'
import { messageReply, noStream, notUnderstood, sessionNotFound, streamReply } from './stdio-replies.ts'
import { StdioSession } from './stdio-session.ts'

/** What is going on in a process. */
export interface StdioActivity {
  /** Requests under way. */
  readonly calls: number
  /** Clients that listen for what the server says unasked. */
  readonly listeners: number
  readonly sessions: number
  /** When it was last used, in milliseconds of `performance.now()`. */
  readonly lastUsedAt: number
}

/**
 * One process that speaks the protocol over its standard streams, for any number of callers at once.
 *
 * To each caller it is a server of its own: ids and progress tokens are made unique on the way in and restored on the way
 * back, `initialize` gives a session, and what the server says unasked goes to the session that it is about. A transport
 * lives as long as its process; make another for another process.
 */
export class StdioTransport implements UpstreamTransport {
  readonly kind = 'stdio'
  readonly #options: StdioTransportOptions
  readonly #guard: ChildGuard
  readonly #maxMessageBytes: number
  readonly #calls: CallTable
  readonly #sessions: SessionTable
  readonly #offered: OfferedRequests
  readonly #incoming: Incoming
  readonly #outgoing: Outgoing
  readonly #gone = Promise.withResolvers<StdioExit>()
  #process: StdioProcess | undefined
  #starting: Promise<StdioEra> | undefined
  #handshake: Handshake | undefined
  #isDisposed = false
  #lostCalls = 0

  constructor(options: StdioTransportOptions) {
    this.#options = options
    this.#guard = options.guard ?? new ChildGuard()
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULTS.maxMessageBytes
    const write = (message: Uint8Array): Promise<void> => this.#running().write(message)
    const input: ProcessInput = {
      write,
      tell: (message) => void this.#process?.write(message).catch(() => {}),
    }
    const offered = new OfferedRequests(input)
    const calls = new CallTable({
      input,
      maxMessageBytes: this.#maxMessageBytes,
      onLost: (lost) => offered.withdraw(({ call }) => call === lost),
    })
    const sessions = new SessionTable({
      maxSessions: options.maxSessions ?? DEFAULTS.maxSessions,
      onEvicted: (session) => this.#end(session),
    })
    const isShared = options.isShared ?? false
    const mayAsk = (): boolean => !isShared && this.era !== 'modern'
    const serverMessages = new ServerMessages({ input, calls, sessions, offered, mayAsk, isShared })
    this.#calls = calls
    this.#sessions = sessions
    this.#offered = offered
    this.#incoming = new Incoming({ calls, serverMessages, maxMessageBytes: this.#maxMessageBytes })
    this.#outgoing = new Outgoing({ input, calls, sessions, offered })
  }

  /** The era that the server speaks; undefined before it has been found out. */
  get era(): StdioEra | undefined {
    return this.#handshake?.era
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Fulfils when the process has ended, by whatever cause. Never rejects. */
  get exited(): Promise<StdioExit> {
    return this.#gone.promise
  }

  /** Whether it can be used: it was started, and has not ended. */
  get isRunning(): boolean {
    return this.#handshake !== undefined && !this.#isDisposed && this.#process?.isOver === false
  }

  /** The last lines that the process wrote to its standard error, oldest first. */
  get errorLines(): readonly string[] {
    return this.#process?.errorLines ?? []
  }

  /** How many lines on its standard output were no message of the protocol, or none for anyone. */
  get ignoredLines(): number {
    return this.#incoming.ignoredLines
  }

  /** How many calls were under way when the process ended by itself. */
  get lostCalls(): number {
    return this.#lostCalls
  }

  get activity(): StdioActivity {
    const { listening, size, lastUsedAt } = this.#sessions
    return { calls: this.#calls.size, listeners: listening, sessions: size, lastUsedAt }
  }

  /** Whether a session of that id is open here. */
  hasSession(sessionId: string): boolean {
    return this.#sessions.has(sessionId)
  }

  /**
   * Starts the process and waits until the server has answered. Idempotent.
   *
   * @returns the era that it speaks.
   * @throws {UpstreamTransportError} `start_failed` or `start_timeout`, with the last lines of its standard error, or
   * `closed` when it was disposed of. Nothing is left running then.
   */
  start(): Promise<StdioEra> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  /**
   * Asks the server whether it lives.
   *
   * @throws {UpstreamTransportError} `total_timeout`, or why it cannot be asked.
   */
  async ping(timeoutMs: number): Promise<void> {
    this.#running()
    const answered: Promise<unknown> =
      this.era === 'modern'
        ? discover(this.#calls, this.#options.client)
        : this.#calls.ask((id) => emptyRequest(id, 'ping'))
    await within(timeoutMs, answered)
  }

  async send(request: UpstreamRequest): Promise<UpstreamReply> {
    this.#running()
    const { message, sessionId } = request
    const scanned = scanMessage(message, LENIENT)
    if (scanned.kind === 'request' && scanned.method === 'initialize') return this.#open(message, scanned)
    const session = this.#sessions.use(sessionId)
    if (session === undefined && this.era === 'legacy') return sessionNotFound(scanned)
    if (scanned.kind === 'request') return this.#outgoing.request(request, scanned, session)
    if (scanned.kind === 'notification') return this.#outgoing.notification(message, scanned, session)
    return this.#outgoing.response(message, scanned, session)
  }

  /** What the server says unasked in a session. A second listener replaces the first. */
  async listen({ sessionId, signal }: UpstreamListenRequest): Promise<UpstreamReply> {
    this.#running()
    if (this.era === 'modern') return noStream
    const session = this.#sessions.use(sessionId)
    if (session === undefined) return sessionNotFound()
    const cancelled = new AbortController()
    const ended = signal === undefined ? cancelled.signal : AbortSignal.any([signal, cancelled.signal])
    return streamReply(session.listen(ended), () => cancelled.abort())
  }

  /** Forgets a session; its calls are cancelled. The process goes on. */
  endSession({ sessionId }: UpstreamEndSessionRequest): Promise<void> {
    const session = this.#sessions.take(sessionId)
    if (session !== undefined) this.#end(session)
    return Promise.resolve()
  }

  /** Ends the process, and with it every call and session. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#failAll(failure('closed', 'the process was ended'))
    if (this.#process === undefined) this.#gone.resolve({ code: null, signal: null, startError: undefined })
    await this.#process?.stop()
    await this.#gone.promise
    if (this.#options.guard === undefined) await this.#guard[Symbol.asyncDispose]()
  }

  async #start(): Promise<StdioEra> {
    if (this.#isDisposed) throw failure('closed', 'the process was ended', { requestSent: false })
    const { client, era, startTimeoutMs = DEFAULTS.startTimeoutMs } = this.#options
    const process = this.#spawn()
    this.#process = process
    const ended = process.exited.then((exit) => this.#onExit(exit))
    try {
      const shaken = shakeHands(this.#calls, client, era)
      this.#handshake = await within(
        startTimeoutMs,
        Promise.race([shaken, ended.then((error) => Promise.reject(error))]),
      )
      return this.#handshake.era
    } catch (error) {
      const { errorLines } = this
      // A process that ended tells why better than the question that it left open.
      const reason = process.isOver ? await ended : error
      await this[Symbol.asyncDispose]()
      throw startFailure(reason, startTimeoutMs, errorLines)
    }
  }

  #spawn(): StdioProcess {
    const { command, onErrorOutput, secrets = [] } = this.#options
    const { writeTimeoutMs = DEFAULTS.writeTimeoutMs, stopGraceMs = DEFAULTS.stopGraceMs } = this.#options
    return new StdioProcess({
      command,
      guard: this.#guard,
      maxLineBytes: this.#maxMessageBytes,
      maxWaitingBytes: this.#maxMessageBytes,
      writeTimeoutMs,
      stopGraceMs,
      secrets,
      onLine: (line) => this.#incoming.line(line),
      onOversizedLine: (id, lengthBytes) => this.#incoming.oversized(id, lengthBytes),
      onErrorOutput: () => onErrorOutput?.(),
    })
  }

  /** Tells everyone who waits that the process is gone. Gives the error for a start that this ends. */
  async #onExit(exit: StdioExit): Promise<UpstreamTransportError> {
    const { errorLines } = this
    const how =
      exit.startError === undefined
        ? `ended with ${exit.signal ?? `exit code ${exit.code}`}`
        : await startFaultOf(this.#options.command, exit.startError)
    this.#lostCalls = this.#calls.size
    this.#failAll(
      this.#isDisposed
        ? failure('closed', 'the process was ended')
        : failure('process_exited', `the process ${how}`, { errorLines }),
    )
    this.#gone.resolve(exit)
    const text = exit.startError === undefined ? `the process ${how} before it was ready` : how
    return failure('start_failed', text, { requestSent: false, errorLines })
  }

  #running(): StdioProcess {
    const process = this.#process
    if (this.#isDisposed) throw failure('closed', 'the process was ended', { requestSent: false })
    if (process === undefined) throw failure('closed', 'the process was not started', { requestSent: false })
    if (process.isOver) throw failure('process_exited', 'the process has ended', { requestSent: false })
    return process
  }

  #failAll(error: UpstreamTransportError): void {
    this.#calls.failAll(error)
    for (const session of this.#sessions.takeAll()) session.end()
    this.#offered.withdraw(() => true)
  }

  #open(message: Uint8Array, scanned: ScannedMessage): UpstreamReply {
    const { idSpan, paramsSpan } = scanned
    const initialized = this.#handshake?.initialized
    if (initialized === undefined || idSpan === undefined) return notUnderstood(scanned)
    const params = paramsSpan && readValue(message, paramsSpan)
    const { capabilities, protocolVersion } = isObject(params) ? params : {}
    const declared = this.#options.client.capabilities
    const offered = isObject(capabilities) ? Object.keys(capabilities) : []
    const session = new StdioSession(new Set(offered.filter((ability) => ability in declared)))
    this.#sessions.add(session)
    return messageReply(initialized.answer(rawValue(message, idSpan), protocolVersion), session.id)
  }

  #end(session: StdioSession): void {
    for (const call of session.calls.values()) {
      this.#calls.cancel(call, failure('aborted', 'the session was ended'))
    }
    session.end()
    this.#offered.withdraw((offered) => offered.session === session)
  }
}

/** What `work` gives. @throws {UpstreamTransportError} `total_timeout`. */
const within = async <Result>(timeoutMs: number, work: Promise<Result>): Promise<Result> => {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(failure('total_timeout', `no answer within ${timeoutMs} ms`)),
    timeoutMs,
  )
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

const startFailure = (
  error: unknown,
  startTimeoutMs: number,
  errorLines: readonly string[],
): UpstreamTransportError => {
  const details = { requestSent: false, errorLines, cause: error }
  if (!UpstreamTransportError.is(error))
    return failure('start_failed', 'the process cannot be talked to', details)
  if (error.reason === 'total_timeout') {
    return failure('start_timeout', `the process was not ready within ${startTimeoutMs} ms`, details)
  }
  return failure(error.reason === 'closed' ? 'closed' : 'start_failed', error.message, details)
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
